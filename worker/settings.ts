import type { HeaderStyle } from "../shared/headers.ts";

/** What code may say instead of variables. */
export interface Settings {
  /**
   * As `[[vars.RULES]]`: a list of rules, `{ rules: […] }` as a file has it, or either as JSON text. Without it,
   * the variable RULES.
   */
  readonly rules?: unknown;
  /** The rules of a file that is bundled with the Worker; they count where neither of the others says any. */
  readonly bundled?: unknown;
  /** Which fields tell clients of their quota. Without it, the variable HEADERS, or `draft-10`. */
  readonly headers?: HeaderStyle | undefined;
}
