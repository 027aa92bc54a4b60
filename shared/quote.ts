/** Longest text that `quote` shows: a line of a terminal, with room for what is said about it. */
const QUOTED_MAX = 60;

/** Characters that could move a cursor, forge a line or turn text around: control, format, separators, lone surrogates. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;

const escaped = (char: string): string =>
  Array.from(
    { length: char.length },
    (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");

/** A value from outside as short JSON on one line, safe for terminals and logs. Never throws. */
export function quote(value: unknown): string {
  // Nested values are named, not shown: a message stays short, and a cycle or a toJSON cannot hurt.
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (value === undefined) return "nothing";
  if (typeof value === "object" && value !== null) return value instanceof Date ? "a date" : "a table";
  if (typeof value !== "string") return String(value);
  const cut = value.length > QUOTED_MAX ? `${value.slice(0, QUOTED_MAX)}…` : value;
  return JSON.stringify(cut).replace(UNSAFE, escaped);
}
