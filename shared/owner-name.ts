/** Which owner object counts a key. The name alone decides, so every POP reaches the same one. */
import type { KeyHash } from "./protocol/messages.ts";
import type { Rule } from "./rule.ts";

/** Hex digits of the key hash that choose a shared owner: 32 bits. The tag, which places windows, is at the other end. */
const CHOOSING_DIGITS = 8;

/**
 * The name of the object that owns `key` under `rule`: one of its own, or with `owners = N` one of N. The
 * rule's version is in it, so a changed rule never meets counts of the old one.
 */
export function ownerName(rule: Pick<Rule, "version" | "owners">, key: KeyHash): string {
  if (rule.owners === 0) return `${rule.version}.${key}`;
  const n = Number.parseInt(key.slice(-CHOOSING_DIGITS), 16) % rule.owners;
  return `${rule.version}.shared-${n}`;
}
