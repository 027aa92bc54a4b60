/** The rule that all ways of limiting follow, for a client that is never near its limit. */

export const LIMIT = 10_000_000;
/** So long that it hardly ends within a run. */
export const WINDOW_S = 86_400;
/** Requests at one POP before ours asks the owner, as a rule has it by default. */
export const THRESHOLD = 4;
