/** A file with rules: a Worker's configuration, or a list of rules alone. */
import { existsSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import type { Place } from "../../shared/rule-problem.ts";
import { fail, readText } from "../tools/cli.ts";
import { readJson } from "./json.ts";
import type { Position } from "./places.ts";
import { readToml } from "./toml.ts";

export interface Source {
  readonly file: string;
  readonly format: "toml" | "json";
  readonly config: Readonly<Record<string, unknown>>;
  /** What holds the rules in a file of rules alone; `undefined` for a Worker's configuration. */
  readonly rulesIn: "RULES" | "rules" | undefined;
  placeOf(place: Place): Position | undefined;
}

/** What `wrangler` looks for in the current folder, here the form that this project uses first. */
const DEFAULT_FILES = ["wrangler.toml", "wrangler.jsonc", "wrangler.json"] as const;

export const defaultFile = (): string => DEFAULT_FILES.find((file) => existsSync(file)) ?? DEFAULT_FILES[0];

/** Ends the command with one line when the file cannot be read. */
export function readSource(file: string): Source {
  const text = readText(file).replace(/^\u{feff}/u, "");
  const extension = extname(file);
  const isJson = extension === ".json" || extension === ".jsonc";
  if (!isJson && extension !== ".toml") fail(`${file}: a .toml, .json or .jsonc file is expected`);
  const { config, places } = isJson ? readJson(file, text) : readToml(file, text);
  return {
    file,
    format: isJson ? "json" : "toml",
    config,
    rulesIn: rulesIn(file, config),
    placeOf: (place) => places.find(place),
  };
}

/** A Worker's configuration may have `rules`, too: they say how its modules are bundled. */
function rulesIn(file: string, config: Readonly<Record<string, unknown>>): Source["rulesIn"] {
  const name = basename(file);
  if (name.startsWith("wrangler.") || ["main", "vars", "durable_objects"].some((key) => key in config))
    return undefined;
  if ("rules" in config) return "rules";
  if ("RULES" in config) return "RULES";
  return name.startsWith("rules.") ? "rules" : undefined;
}

/** The file of rules that is bundled with the Worker: it counts where the variable RULES is not set. */
export function bundledBeside(file: string): Source | undefined {
  const beside = join(dirname(file), "rules.json");
  return existsSync(beside) ? readSource(beside) : undefined;
}
