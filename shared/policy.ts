/** What an owner is told of a rule, with every Ask and command: it has no configuration of its own. */

import { silentMost } from "./bound.ts";
import { LEASE_AUTO } from "./limits.ts";
import type { RulePolicy } from "./protocol/messages.ts";
import type { Rule } from "./rule.ts";
import type { WindowGrid } from "./time.ts";

/** @param grid the key's windows */
export const policyOf = (rule: Rule, grid: WindowGrid): RulePolicy => ({
  version: rule.version,
  name: rule.name,
  algorithm: rule.algorithm,
  limit: rule.limit,
  // Of an automatic threshold what isolates begin with: the same from all of them, as it is one rule.
  threshold: rule.threshold,
  ...(rule.excessMax !== undefined && rule.threshold > 1 && { tellSources: true }),
  ...(rule.strict > 0 &&
    silentMost(rule) > 0 && {
      reserve: { sources: rule.strict, each: silentMost(rule), claimed: rule.grace },
    }),
  ...(rule.grace > 0 && { grace: rule.grace }),
  ...(rule.lease !== 0 && { lease: rule.lease === "auto" ? LEASE_AUTO : rule.lease }),
  ...(rule.algorithm === "token-bucket" && { burst: rule.burst }),
  ...(rule.blockFor !== undefined && { blockForMs: rule.blockFor }),
  grid,
});
