/** A caller of the HTTP API of a cluster. */
import { type Cluster, LOCAL_TOKEN } from "../../loadtest/cluster/cluster.ts";
import { BLOCK_TRUST } from "../../shared/limits.ts";
import { until } from "./client.ts";

export interface Answered {
  readonly status: number;
  readonly type: string | null;
  readonly body: unknown;
  /** What a problem says. */
  readonly detail: string;
  readonly headers: Headers;
}

export interface Caller {
  /** The POP whose API is called, below its prefix; without it, the first one's on the page's port. */
  readonly pop?: string;
  readonly token?: string;
}

/** @param body as JSON, or as it is if it is text or bytes */
export async function callApi(
  cluster: Cluster,
  method: string,
  path: string,
  body?: unknown,
  { pop, token = LOCAL_TOKEN }: Caller = {},
): Promise<Answered> {
  const popUrl = cluster.pops.find(({ name }) => name === pop)?.url;
  const response = await fetch((popUrl === undefined ? cluster.url : `${popUrl}/_onecount`) + path, {
    method,
    headers: { Authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: bodyOf(body) }),
  });
  const text = await response.text();
  const parsed: unknown = text === "" ? undefined : JSON.parse(text);
  return {
    status: response.status,
    type: response.headers.get("Content-Type"),
    body: parsed,
    detail: String((parsed as { detail?: unknown } | undefined)?.detail ?? ""),
    headers: response.headers,
  };
}

const bodyOf = (body: unknown): string | Uint8Array<ArrayBuffer> =>
  typeof body === "string" || body instanceof Uint8Array
    ? (body as string | Uint8Array<ArrayBuffer>)
    : JSON.stringify(body);

/** A rule's key in a path. */
export const keyPath = (what: "keys" | "blocks" | "overrides", rule: string, key: string): string =>
  `/v1/${what}/${rule}/${encodeURIComponent(key)}`;

/**
 * Waits until every POP has heard what is known of a key now. By itself a POP would stop to believe in a block after
 * BLOCK_TRUST: what takes so long was not heard.
 */
export async function heardEverywhere(
  cluster: Cluster,
  key: string,
  what: string,
  fits: (known: { readonly blockedUntil: number | null; readonly claimed: boolean }) => boolean,
): Promise<void> {
  const startedAt = Date.now();
  await until(`${what} of ${key} at every POP`, async () =>
    (await cluster.state()).pops.every(({ keys }) => {
      const known = keys.find((one) => one.key === key);
      return known !== undefined && fits(known);
    }),
  );
  const tookMs = Date.now() - startedAt;
  if (tookMs > BLOCK_TRUST / 2) throw new Error(`${what} of ${key} took ${tookMs} ms: no POP was told of it`);
}

/** The audit lines among what the Workers print. */
export const audits = (lines: readonly string[]): readonly Record<string, unknown>[] =>
  lines.flatMap((line) => {
    const start = line.indexOf('{"event":"audit"');
    return start < 0 ? [] : [JSON.parse(line.slice(start)) as Record<string, unknown>];
  });
