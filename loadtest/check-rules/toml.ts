/**
 * Reads TOML twice: the values as `wrangler deploy` reads them (smol-toml), and where each stands
 * (toml-eslint-parser, whose tree keeps positions).
 */
import { parse, TomlError } from "smol-toml";
import { type AST, parseTOML } from "toml-eslint-parser";
import type { Place } from "../../shared/rule-problem.ts";
import { fail } from "../tools/cli.ts";
import { Places, type Position } from "./places.ts";

/** Ends the command with one line when the text is no TOML. */
export function readToml(file: string, text: string): { config: Record<string, unknown>; places: Places } {
  try {
    return { config: parse(text), places: placesIn(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The library goes on to draw the place over several lines.
    const [reason = ""] = error.message.split("\n");
    return fail(`${file}, line ${error.line}, column ${error.column}: ${reason}`);
  }
}

/** Empty for a text that only the other reader accepts: then problems are told without their places. */
function placesIn(text: string): Places {
  const places = new Places();
  try {
    const [program] = parseTOML(text).body;
    for (const part of program.body) {
      if (part.type === "TOMLKeyValue") noteEntry(places, [], part);
      else noteTable(places, part);
    }
  } catch {
    return new Places();
  }
  return places;
}

const startOf = ({ loc }: AST.TOMLNode): Position => ({
  line: loc.start.line,
  column: loc.start.column + 1,
});

/** `[vars]` or `[[vars.RULES]]`: `resolvedKey` counts the tables of a list. */
function noteTable(places: Places, table: AST.TOMLTable): void {
  places.note(table.resolvedKey, startOf(table));
  noteKey(places, table.resolvedKey, table.key);
  for (const entry of table.body) noteEntry(places, table.resolvedKey, entry);
}

function noteEntry(places: Places, holder: Place, { key, value }: AST.TOMLKeyValue): void {
  const place = [...holder, ...key.keys.map(nameOf)];
  noteKey(places, place, key);
  noteValue(places, place, value);
}

/** Every segment of a dotted key is a table of its own. Indexes of lists are no segments. */
function noteKey(places: Places, place: Place, { keys }: AST.TOMLKey): void {
  let last = place.length;
  for (const segment of [...keys].reverse()) {
    while (last > 0 && typeof place[last - 1] === "number") last -= 1;
    places.note(place.slice(0, last), startOf(segment));
    last -= 1;
  }
}

const nameOf = (key: AST.TOMLBare | AST.TOMLQuoted): string =>
  key.type === "TOMLBare" ? key.name : key.value;

function noteValue(places: Places, place: Place, value: AST.TOMLContentNode): void {
  if (value.type === "TOMLInlineTable") for (const entry of value.body) noteEntry(places, place, entry);
  if (value.type !== "TOMLArray") return;
  for (const [index, item] of value.elements.entries()) {
    places.note([...place, index], startOf(item));
    noteValue(places, [...place, index], item);
  }
}
