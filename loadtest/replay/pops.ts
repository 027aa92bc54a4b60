/** Where the requests go: a cluster started for this run, or one that runs already. */
import { type ClusterOptions, startCluster } from "../cluster/cluster.ts";
import { ClusterError } from "../cluster/error.ts";
import { DEFAULT_POPS } from "../cluster/pops.ts";
import { fail, messageOf } from "../tools/cli.ts";
import type { ReplayOptions } from "./options.ts";
import type { ReplayRules } from "./rules.ts";

export interface Pops {
  readonly names: readonly string[];
  readonly urls: readonly string[];
  /** Ends what was started for this run. */
  close(): Promise<void>;
}

/** Opens the POPs; ends the command with one line when there are none. */
export async function openPops(wish: ReplayOptions, rules: ReplayRules, signal: AbortSignal): Promise<Pops> {
  if (wish.cluster === undefined) {
    checkSpread(wish.spread, wish.pops ?? DEFAULT_POPS);
    return startOwn(wish, rules, signal);
  }
  const pops = await running(wish.cluster);
  checkSpread(wish.spread, pops.names);
  return pops;
}

/** Ends the command when a client cannot use so many POPs. */
export function checkSpread(spread: number, names: readonly string[]): void {
  if (spread <= names.length) return;
  fail(
    `--spread ${spread}: a client can use at most the ${names.length} POPs that there are (${names.join(" ")})`,
  );
}

async function startOwn(wish: ReplayOptions, rules: ReplayRules, signal: AbortSignal): Promise<Pops> {
  const wanted: ClusterOptions = {
    rules: rules.toml,
    distance: 1 / wish.speed,
    signal,
    ...(wish.pops === undefined ? {} : { pops: wish.pops }),
  };
  try {
    const cluster = await startCluster(wanted);
    return {
      names: cluster.pops.map(({ name }) => name),
      urls: cluster.pops.map(({ url }) => url),
      close: () => cluster.stop(),
    };
  } catch (error) {
    if (error instanceof ClusterError) fail(error.message);
    throw error;
  }
}

async function running(url: string): Promise<Pops> {
  let state: unknown;
  try {
    const response = await fetch(`${url}/api/state`, { signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(`/api/state answered ${response.status}`);
    state = await response.json();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    fail(`there is no cluster at ${url}: ${messageOf(cause)}`);
  }
  const pops = popsIn(state);
  if (pops.length === 0) fail(`there is no cluster at ${url}: /api/state names no POPs`);
  return { names: pops.map(({ name }) => name), urls: pops.map(({ url: at }) => at), close: async () => {} };
}

function popsIn(state: unknown): { name: string; url: string }[] {
  if (typeof state !== "object" || state === null || !("pops" in state) || !Array.isArray(state.pops))
    return [];
  return state.pops.flatMap((pop: unknown) => {
    if (typeof pop !== "object" || pop === null || !("name" in pop) || !("url" in pop)) return [];
    const { name, url } = pop;
    return typeof name === "string" && typeof url === "string" && URL.canParse(url) ? [{ name, url }] : [];
  });
}
