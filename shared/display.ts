/** What people are shown of a key: `KEY_DISPLAY`. */

export const KEY_DISPLAYS = ["hash", "masked", "plain"] as const;
export type KeyDisplay = (typeof KEY_DISPLAYS)[number];

/** The display a variable names; anything unknown shows the least. */
export const keyDisplay = (value: string | undefined): KeyDisplay =>
  KEY_DISPLAYS.find((known) => known === value) ?? "hash";

/** `ip=203.0.113.9` as `ip=203.0.113.*`, `ip=2001:db8:1:2::/64` as `ip=2001:db8:*`. */
export function maskKey(text: string): string {
  const v4 = /^(ip=\d+\.\d+\.\d+)\.\d+$/.exec(text);
  if (v4 !== null) return `${v4[1]}.*`;
  const v6 = /^(ip=[0-9a-f]*:[0-9a-f]*):/.exec(text);
  return v6 === null ? text : `${v6[1]}:*`;
}
