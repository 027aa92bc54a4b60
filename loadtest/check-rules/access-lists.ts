/** Entries of a rule's `deny` list that do nothing. */
import { type IpRange, readIpRange } from "../../shared/ip-ranges.ts";
import type { Rule } from "../../shared/rule.ts";
import { readHeaderValue } from "../../shared/rule-schema.ts";
import type { Finding } from "./warnings.ts";

export function accessWarnings({ allow, deny, action, mode }: Rule): readonly Finding[] {
  if (deny.length > 0 && action.kind === "tag" && mode === "enforce") {
    const text =
      'with action.kind = "tag" nothing is denied and the list has no effect; put it into a rule that denies';
    return [{ kind: "tag-deny", at: ["deny"], text }];
  }
  return deny.flatMap((entry, index) => {
    const by = allow.find((allowed) => holdsEntry(allowed, entry));
    if (by === undefined) return [];
    const where = by === entry ? "in allow too" : `within ${JSON.stringify(by)} in allow`;
    const text = `${JSON.stringify(entry)} is ${where}, and allow comes first; take it out of one of the two`;
    return [{ kind: "deny-allowed", at: ["deny", index], text }];
  });
}

/** Whether all that one entry stands for is in another one. */
function holdsEntry(wide: string, narrow: string): boolean {
  const [wider, narrower] = [readIpRange(wide), readIpRange(narrow)];
  if (wider !== undefined && narrower !== undefined) return holdsRange(wider, narrower);
  const [header, other] = [readHeaderValue(wide), readHeaderValue(narrow)];
  return header !== undefined && header.name === other?.name && header.value === other.value;
}

const holdsRange = (wide: IpRange, narrow: IpRange): boolean =>
  compare(wide.first, narrow.first) <= 0 && compare(narrow.last, wide.last) <= 0;

/** Addresses in their order, word by word. */
function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((word, index) => word !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
