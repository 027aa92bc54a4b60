/** What the cluster takes from a wrangler.toml. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse, TomlError } from "smol-toml";
import { fileProblem } from "../tools/cli.ts";
import { ClusterError } from "./error.ts";

/** The repository's own. */
export const DEFAULT_WRANGLER_FILE = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));

export interface WranglerFile {
  /** `[vars]` as written; `RULES` is one of them. */
  readonly vars: Readonly<Record<string, unknown>>;
  readonly compatibilityDate?: string;
  readonly compatibilityFlags: readonly string[];
  /** Whether a deploy minifies; not by default. */
  readonly minify: boolean;
  /** Whether a deploy keeps the names of functions and classes, at some cost; by default it does. */
  readonly keepNames: boolean;
}

/** Reads a wrangler.toml. Throws `ClusterError` when it cannot be read or is no TOML. */
export function readWranglerFile(path: string): WranglerFile {
  const config = parseToml(path, readText(path));
  const {
    vars,
    compatibility_date: date,
    compatibility_flags: flags,
    minify,
    keep_names: keepNames,
  } = config;
  return {
    vars: isTable(vars) ? vars : {},
    ...(typeof date === "string" ? { compatibilityDate: date } : {}),
    compatibilityFlags: Array.isArray(flags) ? flags.filter((flag) => typeof flag === "string") : [],
    minify: minify === true,
    keepNames: keepNames !== false,
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ClusterError(fileProblem(path, error));
  }
}

function parseToml(path: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ""] = error.message.split("\n");
    throw new ClusterError(`${path}, line ${error.line}: ${reason}`);
  }
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
