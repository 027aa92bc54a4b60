/** Reads numbers from option values; what is wrong ends the command with one line that says what is allowed. */
import { quote } from "../../shared/quote.ts";
import { fail } from "./cli.ts";

export function numberOf(option: string, text: string, least: number, most: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  return fail(`${option} ${quote(text)}: a number from ${least} to ${most} is allowed`);
}

export function wholeOf(option: string, text: string, least: number, most: number): number {
  const value = asWhole(text);
  if (value >= least && value <= most) return value;
  return fail(`${option} ${quote(text)}: a whole number from ${least} to ${most} is allowed`);
}

/** Not a number unless the text is digits only. */
export const asWhole = (text: string): number => (/^\d+$/.test(text) ? Number(text) : Number.NaN);
