/**
 * Which rules a request falls under: method and path.
 *
 * In a rule's path `*` stands for any characters within one segment, `**` (a segment of its own) for any
 * number of segments, none included; everything else is literal. Methods are an exact list: a rule on GET
 * does not cover HEAD.
 *
 * Paths are compared in one spelling, and on the side of matching too much: a rule is worth nothing if
 * another spelling of the same page slips past it. See path.ts.
 */
import { GLOBSTAR, lenientReading, patternSegments, strictReading } from "./path.ts";
import type { Rule } from "./rule.ts";

/** Tells whether a canonical path matches. */
type PathTest = (path: string) => boolean;

const STAR = 0x2a;

/**
 * Matches one segment, `path` from `start` to `end`, against a glob with `*`. On a mismatch only the last
 * `*` takes one character more: earlier ones never need to, so the work is at most |segment| × |glob|.
 */
function segmentMatches(glob: string, path: string, start: number, end: number): boolean {
  let g = 0;
  let at = start;
  let star = -1;
  let starAt = start;
  while (at < end) {
    const code = g < glob.length ? glob.charCodeAt(g) : -1;
    if (code === STAR) {
      star = g++;
      starAt = at;
    } else if (code === path.charCodeAt(at)) {
      g++;
      at++;
    } else if (star !== -1) {
      g = star + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (g < glob.length && glob.charCodeAt(g) === STAR) g++;
  return g === glob.length;
}

const segmentEnd = (path: string, start: number): number => {
  const slash = path.indexOf("/", start);
  return slash === -1 ? path.length : slash;
};

/** The same one level up: segments for characters, `**` for `*`. No recursion, no regular expression. */
function segmentsMatch(globs: readonly string[], path: string): boolean {
  let g = 0;
  let at = path === "/" ? 2 : 1;
  let star = -1;
  let starAt = at;
  while (at <= path.length) {
    const glob = globs[g];
    if (glob === GLOBSTAR) {
      star = g++;
      if (g === globs.length) return true;
      starAt = at;
      continue;
    }
    const end = segmentEnd(path, at);
    if (glob !== undefined && segmentMatches(glob, path, at, end)) {
      g++;
      at = end + 1;
    } else if (star !== -1) {
      g = star + 1;
      starAt = segmentEnd(path, starAt) + 1;
      at = starAt;
    } else {
      return false;
    }
  }
  while (globs[g] === GLOBSTAR) g++;
  return g === globs.length;
}

/** `undefined` when every path matches, so that nobody spells paths for a rule on all of them. */
function compilePath(pattern: string): PathTest | undefined {
  const globs = patternSegments(pattern);
  if (globs.length === 1 && globs[0] === GLOBSTAR) return undefined;
  const literal = `/${globs.join("/")}`;
  return literal.includes("*") ? (path) => segmentsMatch(globs, path) : (path) => path === literal;
}

const NONE: readonly Rule[] = [];

/**
 * Prepares the rules for many requests. The function it returns gives the rules a request falls under, in
 * their order; it never throws, and allocates nothing while at most one rule matches a plainly spelled path.
 * `method` in upper case as Request has it, `pathname` as URL has it.
 */
export function compileMatcher(
  rules: readonly Rule[],
): (method: string, pathname: string) => readonly Rule[] {
  const compiled = rules.map((rule) => ({
    rule,
    alone: [rule] as readonly Rule[],
    methods: rule.match.methods,
    test: compilePath(rule.match.path),
  }));
  return (method, pathname) => {
    let found = NONE;
    let strict = "";
    let lenient = "";
    for (const { rule, alone, methods, test } of compiled) {
      if (methods !== undefined && !methods.includes(method)) continue;
      if (test !== undefined) {
        if (strict === "") {
          strict = strictReading(pathname);
          lenient = lenientReading(strict);
        }
        if (!test(strict) && (lenient === strict || !test(lenient))) continue;
      }
      found = found === NONE ? alone : [...found, rule];
    }
    return found;
  };
}
