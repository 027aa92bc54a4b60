/** From bindings, variables and options to a limiter, or to a list of everything that is wrong with them. */
import bundled from "../rules.json";
import { hex32 } from "../shared/hash.ts";
import { HEADER_STYLES, type HeaderStyle } from "../shared/headers.ts";
import { quote } from "../shared/quote.ts";
import { formatProblem, parseRules } from "../shared/rule.ts";
import { rulesOf } from "../shared/rules-text.ts";
import type { Env } from "./env.ts";
import { Limiter } from "./limiter.ts";
import { secretWords } from "./secret.ts";

/** What code may say instead of variables. */
export interface Settings {
  /**
   * As `[[vars.RULES]]`: a list of rules, `{ rules: […] }` as a file has it, or either as JSON text. Without it,
   * the variable RULES.
   */
  readonly rules?: unknown;
  /** The rules of a file that is bundled with the Worker; they count where neither of the others says any. */
  readonly bundled?: unknown;
  /** Which fields tell clients of their quota. Without it, the variable HEADERS, or `draft-10`. */
  readonly headers?: HeaderStyle | undefined;
}

export type Configured = {
  /** Marks requests that this deployment sends to its origin. */
  readonly loopToken: string;
  readonly headers: HeaderStyle;
} & (
  | { readonly ok: true; readonly limiter: Limiter }
  | { readonly ok: false; readonly problems: readonly string[] }
);

const SNIPPETS = {
  KEY_OWNER: 'durable_objects.bindings = [{ name = "KEY_OWNER", class_name = "KeyOwner" }]',
  REGION_HUB: 'durable_objects.bindings = [{ name = "REGION_HUB", class_name = "RegionHub" }]',
} as const;

/** Builds the limiter. Call it within a request: hashing and random numbers are not to be had before. */
export async function configure(env: Env, settings: Settings = {}): Promise<Configured> {
  const problems: string[] = [];
  for (const name of ["KEY_OWNER", "REGION_HUB"] as const) {
    if ((env[name] as unknown) === undefined) {
      problems.push(`binding ${name} is missing; add to wrangler.toml: ${SNIPPETS[name]}`);
    }
  }
  const parsed = parseRules(rulesOf(settings.rules ?? env.RULES ?? settings.bundled));
  if (!parsed.ok) problems.push(...parsed.problems.map(formatProblem));
  const style = settings.headers ?? env.HEADERS ?? "draft-10";
  const headers = HEADER_STYLES.find((known) => known === style);
  if (headers === undefined)
    problems.push(`HEADERS: found ${quote(style)}; allowed is one of ${HEADER_STYLES.join(", ")}`);
  const loopToken = Array.from(await secretWords("loop", env.KEY_SECRET), hex32).join("");
  const common = { loopToken, headers: headers ?? "draft-10" };
  if (!parsed.ok || problems.length > 0) return { ok: false, problems, ...common };
  return {
    ok: true,
    limiter: new Limiter(env, parsed.rules, await secretWords("keys", env.KEY_SECRET)),
    ...common,
  };
}

/** The configuration of one isolate, made by its first request. */
export class Configuration {
  readonly #settings: Settings;
  #configured: Configured | undefined;

  constructor(settings: Settings = {}) {
    this.#settings = settings;
  }

  /** Concurrent first requests may each build one; all use the first that is done. */
  for(env: Env): Configured | Promise<Configured> {
    return this.#configured ?? this.#build(env);
  }

  async #build(env: Env): Promise<Configured> {
    const built = await configure(env, this.#settings);
    if (this.#configured !== undefined) return this.#configured;
    if (!built.ok) for (const problem of built.problems) console.error(`onecount: ${problem}`);
    this.#configured = built;
    return built;
  }
}

/** The deployable Worker's: by its variables, or else by the file of rules beside them. */
export const deployed = new Configuration({ bundled });
