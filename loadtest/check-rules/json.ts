/** Reads JSON, with comments and trailing commas as `wrangler deploy` takes them, and where each thing stands. */
import { getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import type { Place } from "../../shared/rule-problem.ts";
import { isTable } from "../../shared/rule-schema.ts";
import { fail } from "../tools/cli.ts";
import { Places, type Position } from "./places.ts";

/** A list alone is one of rules. Ends the command with one line when the text is no JSON, or holds something else. */
export function readJson(file: string, text: string): { config: Record<string, unknown>; places: Places } {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const lines = lineStarts(text);
  const [error] = errors;
  if (error !== undefined) {
    const { line, column } = positionAt(lines, error.offset);
    fail(`${file}, line ${line}, column ${column}: ${inWords(printParseErrorCode(error.error))}`);
  }
  const value: unknown = root === undefined ? undefined : getNodeValue(root);
  const list = Array.isArray(value);
  const config = list ? { rules: value } : value;
  if (root === undefined || !isTable(config))
    return fail(`${file}: a table is expected, such as { "rules": […] }`);
  const places = new Places();
  noteNode(places, list ? ["rules"] : [], root, (offset) => positionAt(lines, offset));
  return { config, places };
}

/** `ValueExpected` → `value expected`. */
const inWords = (code: string): string => code.replace(/(?<=.)([A-Z])/g, " $1").toLowerCase();

function noteNode(places: Places, place: Place, node: Node, position: (offset: number) => Position): void {
  for (const [index, child] of (node.children ?? []).entries()) {
    const [key, value] = node.type === "object" ? (child.children ?? []) : [undefined, child];
    const inner = [...place, key === undefined ? index : String(key.value)];
    places.note(inner, position((key ?? child).offset));
    if (value !== undefined) noteNode(places, inner, value, position);
  }
}

/** Where each line begins. */
const lineStarts = (text: string): readonly number[] => [
  0,
  ...Array.from(text.matchAll(/\r\n|\r|\n/g), (found) => found.index + found[0].length),
];

function positionAt(lines: readonly number[], offset: number): Position {
  const line = lines.filter((start) => start <= offset).length - 1;
  return { line: line + 1, column: offset - (lines[line] ?? 0) + 1 };
}
