/** Numbers and times as people read them. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** `12,345`. */
export const count = (value: number): string => whole.format(value);
/** At most five characters: `999`, `1.2K`. */
export const compact = (value: number): string => (value < 1_000 ? whole.format(value) : short.format(value));
/** Of events per second: `0`, `0.4`, `12`. */
export const rate = (value: number): string =>
  value > 0 && value < 9.95 ? value.toFixed(1) : compact(value);
export const percent = (share: number): string =>
  `${share > 0 && share < 0.0995 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`;

/** A length of time: `85 ms`, `2.4 s`, `3 min`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 99_500) return `${Math.round(ms / 1_000)} s`;
  const minutes = Math.round(ms / 60_000);
  return minutes < 100 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** What is left of a time, in whole seconds and never less than one. */
export const left = (until: number, now: number): string =>
  duration(Math.max(1, Math.ceil((until - now) / 1_000)) * 1_000).replace(".0", "");

const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
/** The time of day, to a thousandth. */
export const clock = (at: number): string =>
  `${clockFormat.format(at)}.${String(Math.floor(at % 1_000)).padStart(3, "0")}`;
