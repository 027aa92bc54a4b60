/** From bindings, variables and options to a limiter, or to a list of everything that is wrong with them. */
import bundled from "../rules.json";
import { hex32 } from "../shared/hash.ts";
import { HEADER_STYLES, type HeaderStyle } from "../shared/headers.ts";
import { quote } from "../shared/quote.ts";
import { formatProblem, parseRules } from "../shared/rule.ts";
import { rulesOf } from "../shared/rules-text.ts";
import type { Env } from "./env.ts";
import { Limiter } from "./limiter.ts";
import { writeLog } from "./log.ts";
import { secretWords } from "./secret.ts";
import type { Settings } from "./settings.ts";

export type Configured = {
  /** Marks requests that this deployment sends to its origin. */
  readonly loopToken: string;
  readonly headers: HeaderStyle;
} & (
  | { readonly ok: true; readonly limiter: Limiter }
  | { readonly ok: false; readonly problems: readonly string[] }
);

const CLASSES = { KEY_OWNER: "KeyOwner", REGION_HUB: "RegionHub" } as const;

/** What is to be added for bindings that are missing, as it can be pasted. */
function missing(bindings: readonly (keyof typeof CLASSES)[]): string {
  const classes = bindings.map((name) => CLASSES[name]);
  const tables = bindings.map(
    (name) => `[[durable_objects.bindings]]\nname = "${name}"\nclass_name = "${CLASSES[name]}"\n`,
  );
  const migration = `[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ${JSON.stringify(classes)}\n`;
  const [verb, what] = bindings.length === 1 ? ["is", "binding"] : ["are", "bindings"];
  return (
    `${what} ${bindings.join(", ")} ${verb} missing; add to wrangler.toml (with the next tag, if it has migrations):\n\n` +
    `${[...tables, migration].join("\n")}\n` +
    `and to the Worker's main file, unless it has it: export { ${classes.join(", ")} } from "onecount";`
  );
}

/** Builds the limiter. Call it within a request: hashing and random numbers are not to be had before. */
export async function configure(env: Env, settings: Settings = {}): Promise<Configured> {
  const problems: string[] = [];
  const unbound = (["KEY_OWNER", "REGION_HUB"] as const).filter(
    (name) => (env[name] as unknown) === undefined,
  );
  if (unbound.length > 0) problems.push(missing(unbound));
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
    limiter: new Limiter(env, parsed.rules, {
      keys: await secretWords("keys", env.KEY_SECRET),
      sample: await secretWords("sample", env.KEY_SECRET),
    }),
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
    if (!built.ok) writeLog("error", () => ({ event: "bad-config", problems: built.problems }));
    this.#configured = built;
    return built;
  }
}

/** The deployable Worker's: by its variables, or else by the file of rules beside them. */
export const deployed = new Configuration({ bundled });
