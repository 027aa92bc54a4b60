/** Plain text for people: aligned columns, numbers, lengths of time. */

/** Columns as wide as their widest cell; the first `left` and those named in `alsoLeft` start at the left. */
export function table(
  rows: readonly (readonly string[])[],
  left: number,
  alsoLeft: readonly number[] = [],
): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    column < left || alsoLeft.includes(column)
      ? cell.padEnd(widths[column] ?? 0)
      : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

export const number = (value: number): string => value.toLocaleString("en-US");
export const ms = (value: number): string => value.toFixed(1);
export const count = (value: number, noun: string): string =>
  `${number(value)} ${noun}${value === 1 || noun === "more" ? "" : "s"}`;
/** With one digit after the point, as in `1,234.5`. */
export const rate = (value: number): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
export const dollars = (value: number): string => `$${value.toFixed(2)}`;

/** Short for people: three digits say enough. */
export function duration(lengthMs: number): string {
  if (lengthMs < 1_000) return `${Math.round(lengthMs)} ms`;
  const [value, unit] =
    lengthMs < 120_000
      ? [lengthMs / 1_000, "s"]
      : lengthMs < 7_200_000
        ? [lengthMs / 60_000, "min"]
        : lengthMs < 172_800_000
          ? [lengthMs / 3_600_000, "h"]
          : [lengthMs / 86_400_000, "days"];
  return `${Number(value.toFixed(1))} ${unit}`;
}
