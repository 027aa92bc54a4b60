/**
 * IPv6 in plain hexadecimal, as the platform writes addresses, read straight from its characters: this stands in the
 * path of every request. Other spellings (a dotted tail) are left to a parser that knows them all.
 */

const GROUPS = 8;
const COLON = 0x3a;

/** The value of each ASCII character as a hexadecimal digit; 16 for those that are none. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(code).toLowerCase());
  return digit < 0 ? 16 : digit;
});

/**
 * Reads an address into `groups`, eight numbers of 16 bits. False, and `groups` undefined, for a text that is none
 * or is spelled otherwise.
 */
export function readIPv6(text: string, groups: Uint16Array): boolean {
  const { length } = text;
  let count = 0;
  /** Where `::` stands: so many groups come before it. */
  let gap = -1;
  let group = 0;
  let digits = 0;
  let at = 0;
  if (length > 1 && text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    at = 2;
  }
  for (; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code === COLON) {
      if (digits === 0 || count === GROUPS) {
        // The second of two colons, or one too many.
        if (gap >= 0 || count === 0 || count === GROUPS) return false;
        gap = count;
        continue;
      }
      groups[count] = group;
      count++;
      group = 0;
      digits = 0;
      continue;
    }
    const digit = code < 128 ? (DIGITS[code] as number) : 16;
    if (digit === 16 || digits === 4) return false;
    group = (group << 4) | digit;
    digits++;
  }
  if (digits > 0) {
    if (count === GROUPS) return false;
    groups[count] = group;
    count++;
  } else if (gap !== count) return false; // a colon at the end that is not the second of two
  if (gap < 0) return count === GROUPS;
  // It stands for one group at least.
  if (count === GROUPS) return false;
  spread(groups, gap, count);
  return true;
}

/** Puts zeros in the place of `::`, before which `gap` of the `count` groups stand. */
function spread(groups: Uint16Array, gap: number, count: number): void {
  const zeros = GROUPS - count;
  for (let at = GROUPS - 1; at >= gap + zeros; at--) groups[at] = groups[at - zeros] as number;
  for (let at = gap; at < gap + zeros; at++) groups[at] = 0;
}

/** Whether an address holds an IPv4 one: `::ffff:a.b.c.d`. */
export const isMapped = (groups: Uint16Array): boolean =>
  groups[5] === 0xffff &&
  ((groups[0] as number) |
    (groups[1] as number) |
    (groups[2] as number) |
    (groups[3] as number) |
    (groups[4] as number)) ===
    0;
