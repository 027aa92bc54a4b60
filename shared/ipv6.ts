/**
 * IPv6 in plain hexadecimal, as the platform writes addresses, read straight from its characters: this stands in the
 * path of every request. Other spellings (a dotted tail) are left to a parser that knows them all.
 */

const GROUPS = 8;
const COLON = 0x3a;

/**
 * Reads an address into `groups`, eight numbers of 16 bits. False, and `groups` undefined, for a text that is none
 * or is spelled otherwise.
 */
export function readIPv6(text: string, groups: Uint16Array): boolean {
  let at = 0;
  let count = 0;
  /** Where `::` stands: so many groups come before it. */
  let gap = -1;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    const start = at;
    let value = 0;
    for (let digit = hexDigit(text.charCodeAt(at)); digit >= 0; digit = hexDigit(text.charCodeAt(at))) {
      value = (value << 4) | digit;
      at += 1;
    }
    if (at === start || at - start > 4 || count === GROUPS) return false;
    groups[count] = value;
    count += 1;
    if (at === text.length) break;
    if (text.charCodeAt(at) !== COLON) return false;
    at += 1;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return false;
      gap = count;
      at += 1;
    } else if (at === text.length) return false;
  }
  if (gap < 0) return count === GROUPS;
  // It stands for one group at least.
  if (count === GROUPS) return false;
  groups.copyWithin(gap + GROUPS - count, gap, count);
  groups.fill(0, gap, gap + GROUPS - count);
  return true;
}

/** −1 for what is none, the end of the text among it. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Whether an address holds an IPv4 one: `::ffff:a.b.c.d`. */
export function isMapped(groups: Uint16Array): boolean {
  for (let at = 0; at < 5; at += 1) if (groups[at] !== 0) return false;
  return groups[5] === 0xffff;
}
