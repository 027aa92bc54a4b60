/** Rules for what users of other limiters have: one for each path, so that no test is in another's way. */
export const POPS = ["LHR", "CDG", "CHI", "TYO"] as const;

/** Windows so long that none ends in a test, a deadline so long that no machine is too slow, and no silent credit. */
const base = { limit: 1, threshold: 1, window: "30d", algorithm: "fixed-window", deadline: "10s" };

export const on = (path: string, part: Record<string, unknown> = {}) => ({
  ...base,
  name: path.slice(1),
  match: { path },
  ...part,
});
