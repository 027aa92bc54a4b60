/**
 * A rule's path: the pathname syntax of URLPattern (https://urlpattern.spec.whatwg.org), as much of it as can be held
 * against a path in one walk along it. Regular expressions and groups that repeat are left out: clients choose paths,
 * and could choose one that takes for ever.
 *
 *   *           any characters, none included, `/` among them
 *   :name       one character or more, none of them `/`
 *   /:name+     one segment or more           /:name*   none or more, as `/**` and `/*?`
 *   {…}  {…}?   a part by itself, and one that may be left out, as `:name?`
 *   \x          the character x
 *
 * What may be left out makes several patterns without a `?` of one.
 */
import { escapeNonAscii } from "./path.ts";

/** Characters of a rule's path. With wildcards in it, the work per request grows with its length. */
export const RULE_PATH_MAX = 256;
/** Patterns that one path may stand for, twice as many for each part that may be left out: each is tried by itself. */
export const PATH_ALTERNATIVES_MAX = 16;
/** Wildcards of one path: a pattern with more is a mistake, and nobody could say what it covers. */
export const PATH_WILDCARDS_MAX = 32;
/** The pattern that every path matches. */
export const EVERY_PATH = "/**";

/** What stands for wildcards once a pattern is read: control characters, which a pattern as it is written has none of. */
export const ANY = "\u0001";
export const NAME = "\u0002";
/** In the place of a segment: one or more; and before other text, what that text is the end of. */
export const SEGMENTS = "\u0003";
/** In the place of a segment: any number, none included. */
export const GLOBSTAR = "\u0004";

const WILDCARDS = [ANY, NAME, SEGMENTS, GLOBSTAR];
/** Any characters twice over are any characters. */
const SEVERAL_ANY = new RegExp(`${ANY}+`, "g");

/** Whether a segment is nothing but text. */
export const isLiteral = (segment: string): boolean => !WILDCARDS.some((each) => segment.includes(each));

/** What is wrong with a pattern, as words that may follow it. */
class PatternProblem extends Error {}

/** A stretch of a pattern, its wildcards as the characters above. */
interface Part {
  readonly text: string;
  readonly isOptional: boolean;
}

const NAME_START = /[$_\p{ID_Start}]/u;
const NAME_PART = /[$\p{ID_Continue}]/u;
const REGEXP = 'with a regular expression "(…)": a client could choose a path that takes for ever';
const REPEATED = 'with a group "{…}" that repeats: a client could choose a path that takes for ever';
const STRAY =
  'with a "?" or "+" that follows no wildcard or group ("\\?" is the character; a query belongs in match.query)';

/** Reads a pattern from its beginning to its end, once. */
class Reader {
  readonly #characters: readonly string[];
  readonly #parts: Part[] = [];
  readonly #names = new Set<string>();
  #at = 0;
  #wildcards = 0;
  /** Text that stands before the next part that may be left out. */
  #fixed = "";

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  read(): readonly Part[] {
    /** A `/` right before a wildcard is repeated and left out with it, unless it is escaped or in a group. */
    let slash = false;
    while (this.#at < this.#characters.length) {
      const wildcard = this.#wildcard();
      if (wildcard !== undefined) this.#addWildcard(wildcard, slash);
      else if (this.#take("{")) this.#addGroup();
      else {
        slash = this.#peek() === "/";
        this.#fixed += this.#character();
        continue;
      }
      slash = false;
    }
    this.#add("", false);
    return this.#parts;
  }

  #addWildcard(wildcard: string, slash: boolean): void {
    const modifier = this.#modifier();
    const repeats = modifier === "+" || modifier === "*";
    const text = wildcard === NAME && slash && repeats ? SEGMENTS : wildcard;
    if (modifier !== "?" && modifier !== "*") this.#fixed += text;
    else if (slash) {
      this.#fixed = this.#fixed.slice(0, -1);
      this.#add(`/${text}`, true);
    } else this.#add(text, true);
  }

  #addGroup(): void {
    let text = "";
    let wildcards = 0;
    while (!this.#take("}")) {
      if (this.#peek() === undefined) throw new PatternProblem('with a "{" that has no "}"');
      if (this.#peek() === "{") throw new PatternProblem("with a group in a group");
      const wildcard = this.#wildcard();
      if (wildcard !== undefined && ++wildcards > 1)
        throw new PatternProblem("with several wildcards in one group");
      text += wildcard ?? this.#character();
    }
    const modifier = this.#modifier();
    if (modifier === "+" || modifier === "*") throw new PatternProblem(REPEATED);
    if (modifier === "?") this.#add(text, true);
    else this.#fixed += text;
  }

  #add(text: string, isOptional: boolean): void {
    if (this.#fixed !== "") this.#parts.push({ text: this.#fixed, isOptional: false });
    this.#fixed = "";
    // What may be no character may as well not be left out.
    if (text !== "") this.#parts.push({ text, isOptional: isOptional && text !== ANY });
  }

  /** The wildcard that comes next, if one does. */
  #wildcard(): string | undefined {
    const isName = this.#peek() === ":";
    if (!isName && this.#peek() !== "*") return undefined;
    this.#at++;
    if (++this.#wildcards > PATH_WILDCARDS_MAX)
      throw new PatternProblem(`with more than ${PATH_WILDCARDS_MAX} wildcards`);
    if (!isName) return ANY;
    let name = "";
    while ((name === "" ? NAME_START : NAME_PART).test(this.#peek() ?? "")) name += this.#next();
    if (name === "") throw new PatternProblem('with a ":" and no name ("\\:" is the character)');
    if (this.#names.has(name)) throw new PatternProblem(`with the name ":${name.slice(0, 20)}" twice`);
    this.#names.add(name);
    if (this.#peek() === "(") throw new PatternProblem(REGEXP);
    return NAME;
  }

  #modifier(): "?" | "+" | "*" | undefined {
    const next = this.#peek();
    if (next !== "?" && next !== "+" && next !== "*") return undefined;
    this.#at++;
    return next;
  }

  /** The character that comes next, which stands for itself. */
  #character(): string {
    const next = this.#next();
    switch (next) {
      case "\\":
        if (this.#peek() === undefined) throw new PatternProblem('with a "\\" at its end');
        return this.#next();
      case "(":
        throw new PatternProblem(REGEXP);
      case "?":
      case "+":
        throw new PatternProblem(STRAY);
      case "}":
        throw new PatternProblem('with a "}" that has no "{"');
      default:
        return next;
    }
  }

  #peek = (): string | undefined => this.#characters[this.#at];
  #next = (): string => this.#characters[this.#at++] ?? "";

  #take(wanted: string): boolean {
    if (this.#peek() !== wanted) return false;
    this.#at++;
    return true;
  }
}

/**
 * Whether a part is `/**` and so on, with a `/` or nothing behind it: that is any number of segments, which need not be
 * tried with and without. Parts behind it that may be left out do not count, if they begin with `/` as well.
 */
function isGlobstar(parts: readonly Part[], at: number): boolean {
  const { text, isOptional } = parts[at] as Part;
  if (!isOptional || (text !== `/${ANY}` && text !== `/${SEGMENTS}`)) return false;
  for (const next of parts.slice(at + 1)) {
    if (!next.text.startsWith("/")) return false;
    if (!next.isOptional) return true;
  }
  return true;
}

/** The parts with and without each one that may be left out. */
function expand(parts: readonly Part[]): readonly string[] {
  let texts: readonly string[] = [""];
  parts.forEach(({ text, isOptional }, at) => {
    const globstar = isGlobstar(parts, at);
    const longer = texts.map((before) => before + (globstar ? `/${GLOBSTAR}` : text));
    texts = isOptional && !globstar ? [...texts, ...longer] : longer;
    if (texts.length > PATH_ALTERNATIVES_MAX)
      throw new PatternProblem(
        `which stands for more than ${PATH_ALTERNATIVES_MAX} paths with what may be left out`,
      );
  });
  return texts;
}

/**
 * Segments as paths have them in a reading: without empty ones, for slashes are merged there. So `*` between slashes may
 * be nothing at all, `/a/*` covers `/a/` and with it `/a`, and where a pattern is to cover no more than it says for sure,
 * `narrow`, it is one segment or more.
 */
function segmentsOf(text: string, narrow: boolean): readonly string[] {
  const written = escapeNonAscii(text)
    .toLowerCase()
    .replaceAll(SEVERAL_ANY, ANY)
    .split("/")
    .filter((segment) => segment !== "");
  const star = narrow && written.length > 1 ? SEGMENTS : GLOBSTAR;
  return (
    written
      // What begins with `*` and no slash, `/:name?{*}/` without its name, may be none.
      .map((segment, at) => (segment !== ANY ? segment : at === 0 && text.startsWith(ANY) ? GLOBSTAR : star))
      .filter((segment, at, all) => segment !== GLOBSTAR || all[at - 1] !== GLOBSTAR)
  );
}

function read(pattern: string, narrow: boolean): readonly (readonly string[])[] {
  if (!pattern.startsWith("/") && pattern !== "*") throw new PatternProblem('which does not begin with "/"');
  if (pattern.length > RULE_PATH_MAX)
    throw new PatternProblem(`which has more than ${RULE_PATH_MAX} characters`);
  if (/[%#\p{C}\p{Zl}\p{Zp}]/u.test(pattern))
    throw new PatternProblem("with %, # or a character that cannot be seen");
  const found = new Map<string, readonly string[]>();
  for (const text of expand(new Reader(pattern).read())) {
    // `/:name?x` without its name is `x`, which is no path's; none at all is as good as `/`.
    if (text !== "" && !text.startsWith("/") && !text.startsWith(ANY)) continue;
    const segments = segmentsOf(text, narrow);
    if (segments.includes(".") || segments.includes(".."))
      throw new PatternProblem('with a segment "." or "..", which no path has');
    found.set(segments.join("/"), segments);
  }
  return [...found.values()];
}

/** What is wrong with a pattern, as words that may follow it; `undefined` when nothing is. */
export function patternProblem(pattern: string): string | undefined {
  try {
    read(pattern, false);
    return undefined;
  } catch (error) {
    if (error instanceof PatternProblem) return error.message;
    throw error;
  }
}

/**
 * The patterns that a path of a rule stands for, each as segments in the spelling of a reading. Throws on one that
 * `patternProblem` tells of.
 * @param narrow what is in doubt does not match
 */
export const alternativesOf = (pattern: string, narrow = false): readonly (readonly string[])[] =>
  read(pattern, narrow);

/** A pattern's segments in one spelling for each meaning, `**` for any number of segments. */
export function patternMeaning(pattern: string): unknown {
  const meanings = read(pattern, false).map((segments) =>
    segments.map((segment) =>
      segment === GLOBSTAR
        ? "**"
        : segment
            .replace(/[*\\]/g, "\\$&")
            .replaceAll(ANY, "*")
            .replaceAll(NAME, "\\:")
            .replaceAll(SEGMENTS, "\\+"),
    ),
  );
  return meanings.length === 1 ? meanings[0] : meanings;
}
