/** What people are shown of a key: `KEY_DISPLAY`. */

export const KEY_DISPLAYS = ["hash", "masked", "plain"] as const;
export type KeyDisplay = (typeof KEY_DISPLAYS)[number];

/** The display a variable names; anything unknown shows the least. */
export const keyDisplay = (value: string | undefined): KeyDisplay =>
  KEY_DISPLAYS.find((known) => known === value) ?? "hash";

/**
 * `ip=203.0.113.9` as `ip=203.0.113.*`, `ip=2001:db8:1:2::/64` as `ip=2001:db8:*`. Of anything else that a client may
 * be known by, such as `header:x-api-key=secret`, the first two characters: `header:x-api-key=se*`.
 */
export const maskKey = (text: string): string => text.split("&").map(maskPart).join("&");

function maskPart(text: string): string {
  const v4 = /^(ip=\d+\.\d+\.\d+)\.\d+$/.exec(text);
  if (v4 !== null) return `${v4[1]}.*`;
  const v6 = /^(ip=[0-9a-f]*:[0-9a-f]*):/.exec(text);
  if (v6 !== null) return `${v6[1]}:*`;
  const own = /^((?:header|cookie|query):[^=]*|key)=(..).*$/su.exec(text);
  return own === null ? text : `${own[1]}=${own[2]}*`;
}
