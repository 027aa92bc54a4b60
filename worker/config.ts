/** From bindings and variables to a limiter, or to a list of everything that is wrong with them. */
import { hex32 } from "../shared/hash.ts";
import { formatProblem, parseRules } from "../shared/rule.ts";
import type { Env } from "./env.ts";
import { Limiter } from "./limiter.ts";
import { secretWords } from "./secret.ts";

export type Configured = {
  /** Marks requests that this deployment sends to its origin. */
  readonly loopToken: string;
} & (
  | { readonly ok: true; readonly limiter: Limiter }
  | { readonly ok: false; readonly problems: readonly string[] }
);

const SNIPPETS = {
  KEY_OWNER: 'durable_objects.bindings = [{ name = "KEY_OWNER", class_name = "KeyOwner" }]',
  REGION_HUB: 'durable_objects.bindings = [{ name = "REGION_HUB", class_name = "RegionHub" }]',
} as const;

/** Builds the limiter. Call it within a request: hashing and random numbers are not to be had before. */
export async function configure(env: Env): Promise<Configured> {
  const problems: string[] = [];
  for (const name of ["KEY_OWNER", "REGION_HUB"] as const) {
    if ((env[name] as unknown) === undefined) {
      problems.push(`binding ${name} is missing; add to wrangler.toml: ${SNIPPETS[name]}`);
    }
  }
  const parsed = parseRules(env.RULES);
  if (!parsed.ok) problems.push(...parsed.problems.map(formatProblem));
  const loopToken = Array.from(await secretWords("loop", env.KEY_SECRET), hex32).join("");
  if (!parsed.ok || problems.length > 0) return { ok: false, problems, loopToken };
  return {
    ok: true,
    limiter: new Limiter(env, parsed.rules, await secretWords("keys", env.KEY_SECRET)),
    loopToken,
  };
}

/** One per isolate, made by its first request. */
let configured: Configured | undefined;

/** This isolate's configuration. Concurrent first requests may each build one; all use the first that is done. */
export function configuredFor(env: Env): Configured | Promise<Configured> {
  return configured ?? configureIsolate(env);
}

async function configureIsolate(env: Env): Promise<Configured> {
  const built = await configure(env);
  if (configured !== undefined) return configured;
  if (!built.ok) for (const problem of built.problems) console.error(`onecount: ${problem}`);
  configured = built;
  return configured;
}
