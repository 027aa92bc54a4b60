import type { HeaderStyle } from "../shared/headers.ts";

/** What code may say instead of variables. */
export interface Settings {
  /** As `[[vars.RULES]]`: a list of rules, or the same as JSON text. Without it, the variable RULES. */
  readonly rules?: unknown;
  /** Which fields tell clients of their quota. Without it, the variable HEADERS, or `draft-10`. */
  readonly headers?: HeaderStyle | undefined;
}
