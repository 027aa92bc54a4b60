/** Rules as they stand in a variable, in an option or in a file: down to the list that `parseRules` reads. */
import { isTable } from "./rule-schema.ts";

/**
 * The list in what was written: a list, `{ rules: […] }`, `{ RULES: […] }`, or one of these as JSON text. What cannot
 * be read comes back as it is, and `parseRules` says what is wrong with it.
 */
export function rulesOf(written: unknown): unknown {
  const read = typeof written === "string" ? fromJson(written) : written;
  if (!isTable(read)) return read;
  const { rules = read.RULES } = read;
  return rules ?? read;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
