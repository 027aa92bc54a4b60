/** The rules of a replay: as written, and as they are run at its speed. */
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { isTable, WINDOW_MIN } from "../../shared/rule-schema.ts";
import { type DurationMs, formatDuration } from "../../shared/time.ts";
import { secretWords } from "../../worker/secret.ts";
import { DEFAULT_WRANGLER_FILE, readWranglerFile } from "../cluster/wrangler-file.ts";
import { fail } from "../tools/cli.ts";

export interface ReplayRules {
  /** The file they come from. */
  readonly path: string;
  /** As written. */
  readonly written: readonly Rule[];
  /** As run, in the same order. */
  readonly run: readonly Rule[];
  /** As run, in the form of a wrangler.toml. */
  readonly toml: readonly unknown[];
  /** 256 bits of KEY_SECRET: they place each key's windows. */
  readonly secret: Uint32Array;
  /** False when the file's `ENFORCE` makes every rule a shadow. */
  readonly enforce: boolean;
}

/** Reads the rules; ends the command when they are bad, or when `speed` makes a window too short. */
export async function loadRules(path: string | undefined, speed: number): Promise<ReplayRules> {
  const { vars } = readWranglerFile(path ?? DEFAULT_WRANGLER_FILE);
  const written = checked(vars.RULES, "");
  const tables = tablesIn(vars.RULES);
  const toml = speed === 1 ? tables : scaledRules(tables, written, speed);
  const secret = typeof vars.KEY_SECRET === "string" ? vars.KEY_SECRET : undefined;
  return {
    path: path ?? "wrangler.toml",
    written,
    run: speed === 1 ? written : checked(toml, `at --speed ${speed}: `),
    toml,
    secret: await secretWords("keys", secret),
    enforce: String(vars.ENFORCE ?? true) === "true",
  };
}

/** The tables of rules that were checked; `RULES` may be the JSON text of them. */
function tablesIn(input: unknown): readonly Readonly<Record<string, unknown>>[] {
  const list: unknown = typeof input === "string" ? JSON.parse(input) : input;
  return Array.isArray(list) ? list.filter(isTable) : [];
}

function checked(input: unknown, context: string): readonly Rule[] {
  const parsed = parseRules(input);
  if (parsed.ok) return parsed.rules;
  return fail(`${context}the rules are not usable:\n${parsed.problems.map(formatProblem).join("\n")}`);
}

/**
 * The tables of `written` with windows, blocks and explicit deadlines divided by `speed`, to the millisecond. Ends
 * the command when a window would fall below the shortest one allowed.
 */
export function scaledRules(
  tables: readonly Readonly<Record<string, unknown>>[],
  written: readonly Rule[],
  speed: number,
): readonly Readonly<Record<string, unknown>>[] {
  const shortest = written.reduce((least, rule) => (rule.window < least.window ? rule : least));
  if (shortest.window / speed < WINDOW_MIN) {
    fail(
      `--speed ${speed} would cut the window of rule ${shortest.name}, ${formatDuration(shortest.window)}, to ` +
        `${Math.round(shortest.window / speed)}ms; the least is ${formatDuration(WINDOW_MIN)}, so at most ` +
        `--speed ${shortest.window / WINDOW_MIN}`,
    );
  }
  return tables.map((table, index) => {
    const rule = written[index];
    if (rule === undefined) return table;
    const deadline = rule.deadline === "auto" ? {} : { deadline: divided(rule.deadline, speed) };
    const blockFor = rule.blockFor === undefined ? {} : { block_for: divided(rule.blockFor, speed) };
    return { ...table, window: divided(rule.window, speed), ...deadline, ...blockFor };
  });
}

const divided = (length: DurationMs, speed: number): string => `${Math.round(length / speed)}ms`;
