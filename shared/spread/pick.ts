/** From a request that was picked to what is reported of it. */
import { ownerName } from "../owner-name.ts";
import { policyOf } from "../policy.ts";
import type { Picked } from "../pop/by-credit.ts";
import type { Source } from "../pop/source.ts";
import type { KeyHash } from "../protocol/messages.ts";
import type { Rule } from "../rule.ts";
import { spreadPlan } from "./plan.ts";
import type { Sighting } from "./sightings.ts";

/** What is reported of a client. @param label what people may be shown of its key, if anything */
export function sightingOf(
  source: Source,
  { slot, seen }: Picked,
  key: KeyHash,
  label: string | undefined,
): Sighting {
  const rule: Rule = source.ruleAt(slot);
  return {
    rule: policyOf(rule, source.gridAt(slot)),
    key,
    ...(label !== undefined && { label }),
    owner: ownerName(rule, key),
    pop: source.pop,
    window: source.window(slot),
    seen,
    needed: spreadPlan(rule)?.reports ?? 1,
  };
}
