/**
 * One spelling for a path, so that a rule on `/login` also covers `/login/`, `//login`, `/%6cogin` and
 * `/LOGIN`: some origin serves the same page for each.
 *
 * Where origins disagree, a path has several readings, and a rule matches when one of them does. Taking one
 * alone would let a client slip past: an origin that strips `;…` serves `/login;x` as /login, but one that
 * does not serves `/user/;x` as a user, which `/user/:id` must cover.
 *
 *   strict    escapes of ASCII decoded (not `%2F`, `%25`), case folded, slashes merged, trailing slash dropped
 *   lenient   also `%2F` and `\` taken as slashes, `;parameters` dropped, `.` and `..` resolved after that
 *   half      only the one or the other of these two: `/login;%5c..` is /login where parameters are dropped and `\`
 *             is a character, and `/api%2f..;` is something below /api where `;` is one
 *
 * Matching too much only makes a rule count a few requests more; so every doubt is resolved that way.
 */

/** `URL` resolves dots and escapes what is not ASCII; the rest is checked here, without building anything. */
function isPlain(path: string): boolean {
  let before = 0;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 0x25 || code > 0x7e || (code >= 0x41 && code <= 0x5a)) return false;
    if (code === 0x2f && before === 0x2f) return false;
    before = code;
  }
  return path.startsWith("/") && (before !== 0x2f || path.length === 1);
}

/** UTF-8 escapes for what is not ASCII, as `URL` would write them; lone surrogates as U+FFFD, so nothing throws. */
export const escapeNonAscii = (path: string): string =>
  path.replace(/\P{ASCII}+/gu, (text) => encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd")));

const decodeAscii = (path: string): string =>
  path.replace(/%[0-9a-f]{2}/gi, (triplet) => {
    const code = Number.parseInt(triplet.slice(1), 16);
    return code < 0x80 && code !== 0x25 && code !== 0x2f ? String.fromCharCode(code) : triplet;
  });

/** The segments that are not empty: merges slashes and drops the trailing one. */
const segmentsOf = (path: string): string[] => path.split("/").filter((segment) => segment !== "");

/** The strict reading of a path; the same string when it is plain already. Never throws. */
export function strictReading(path: string): string {
  if (isPlain(path)) return path;
  return `/${segmentsOf(decodeAscii(escapeNonAscii(path)).toLowerCase()).join("/")}`;
}

const DISPUTED = /[;\\]|%2f|\/\.{1,2}(?:\/|$)/;

/** Whether origins may read a path in its strict reading as something else. */
export const isDisputed = (strict: string): boolean => DISPUTED.test(strict);

/** What origins may take for something else than what stands there. */
interface Lenience {
  readonly slashes: boolean;
  readonly parameters: boolean;
}

/** The lenient reading, from the strict one; the same string when origins have nothing to disagree on. */
export const lenientReading = (strict: string): string =>
  isDisputed(strict) ? leniently(strict, { slashes: true, parameters: true }) : strict;

/** All readings that differ, from the strict one, which comes first, and then the lenient one. */
export function readingsOf(strict: string): readonly string[] {
  if (!isDisputed(strict)) return [strict];
  const halves = [
    leniently(strict, { slashes: true, parameters: false }),
    leniently(strict, { slashes: false, parameters: true }),
  ];
  return [...new Set([strict, lenientReading(strict), ...halves])];
}

function leniently(strict: string, { slashes, parameters }: Lenience): string {
  const kept: string[] = [];
  for (const segment of (slashes ? strict.replace(/%2f|\\/g, "/") : strict).split("/")) {
    const end = parameters ? segment.indexOf(";") : -1;
    const name = end === -1 ? segment : segment.slice(0, end);
    if (name === "..") kept.pop();
    else if (name !== "" && name !== ".") kept.push(name);
  }
  return `/${kept.join("/")}`;
}
