/**
 * Which rules a request falls under: method and path, and what else they ask.
 *
 * Paths are patterns of URLPattern; see path-pattern.ts. Methods are an exact list: a rule on GET does not cover HEAD.
 *
 * Paths are compared in one spelling, and on the side of matching too much: a rule is worth nothing if
 * another spelling of the same page slips past it. See path.ts.
 */
import type { ClientAddress } from "./address.ts";
import { AccessList, type Condition, conditionsOf, planOf } from "./conditions.ts";
import { isDisputed, readingsOf, strictReading } from "./path.ts";
import { alternativesOf, GLOBSTAR, isLiteral } from "./path-pattern.ts";
import { type PathTest, pathTest } from "./path-test.ts";
import { Counting } from "./requested.ts";
import type { Conditions, Rule } from "./rule.ts";
import { RuleSet } from "./rule-set.ts";
import type { Traits } from "./traits.ts";

const segmentEnd = (path: string, start: number): number => {
  const slash = path.indexOf("/", start);
  return slash === -1 ? path.length : slash;
};

/** A rule's pattern as paths are held against it. */
interface Candidate {
  readonly index: number;
  readonly methods: readonly string[] | undefined;
  /** The pattern's segments. */
  readonly globs: readonly string[];
  /** `undefined` when every path matches. */
  readonly test: PathTest | undefined;
  /** The last segment, where it is literal. */
  readonly last: string | undefined;
}

/** Candidates in the order of the rules, by the last segment of the path that is asked for. */
class ByLast {
  readonly #others: readonly Candidate[];
  readonly #byLast = new Map<string, readonly Candidate[]>();

  constructor(candidates: readonly Candidate[] = []) {
    const ordered = candidates.toSorted((a, b) => a.index - b.index);
    this.#others = ordered.filter(({ last }) => last === undefined);
    for (const { last } of ordered)
      if (last !== undefined)
        this.#byLast.set(
          last,
          ordered.filter((other) => other.last === undefined || other.last === last),
        );
  }

  of(path: string): readonly Candidate[] {
    if (this.#byLast.size === 0) return this.#others;
    return this.#byLast.get(path.slice(path.lastIndexOf("/") + 1)) ?? this.#others;
  }
}

/**
 * The rules by the literal segments that their paths begin with, and then by the one that they end with, so that those
 * that cannot match cost nothing. A path is walked as far as it goes; what is left to look at is a list made beforehand.
 */
class Branch {
  readonly #longer = new Map<string, Branch>();
  /** Rules whose path is this branch. */
  readonly #own: Candidate[] = [];
  /** Rules whose path goes on with a wildcard from here. */
  readonly #wild: Candidate[] = [];
  /** What a path may fall under that ends here, and what one may that goes on elsewhere. */
  #here = new ByLast();
  #below = new ByLast();

  grow(candidate: Candidate, from = 0): void {
    const glob = candidate.globs[from];
    if (glob === undefined) this.#own.push(candidate);
    else if (!isLiteral(glob)) this.#wild.push(candidate);
    else {
      const branch = this.#longer.get(glob) ?? new Branch();
      this.#longer.set(glob, branch);
      branch.grow(candidate, from + 1);
    }
  }

  /** Once all have grown: every branch lists its own rules and those of the branches before it. */
  ripen(before: readonly Candidate[] = []): void {
    const wild = [...before, ...this.#wild];
    this.#below = new ByLast(wild);
    this.#here = new ByLast([...wild, ...this.#own]);
    for (const branch of this.#longer.values()) branch.ripen(wild);
  }

  /** The rules that a path in one reading may fall under: all others do not match it. */
  candidates(path: string): readonly Candidate[] {
    let branch: Branch = this;
    for (let at = path === "/" ? path.length : 1; at < path.length; ) {
      if (branch.#longer.size === 0) return branch.#below.of(path);
      const end = segmentEnd(path, at);
      const longer = branch.#longer.get(path.slice(at, end));
      if (longer === undefined) return branch.#below.of(path);
      branch = longer;
      at = end + 1;
    }
    return branch.#here.of(path);
  }
}

/** Methods compare as they are. */
const covers = ({ methods, test }: Candidate, traits: Traits, path: string): boolean =>
  (methods === undefined || methods.includes(traits.method)) && (test === undefined || test(path));

/** A rule as requests are held against it, once method and path are right. */
interface Prepared {
  /** What else a request must be; most rules ask nothing. */
  readonly conditions: readonly Condition[];
  readonly except: ((traits: Traits) => boolean) | undefined;
  readonly allow: AccessList | undefined;
  readonly deny: AccessList | undefined;
  readonly counting: Counting;
  readonly missing: Rule["missing"];
  /** Nothing of all that: the rule covers the request. */
  readonly isBare: boolean;
}

function prepare(rule: Rule): Prepared {
  const plan = planOf(rule);
  const conditions = [...conditionsOf(rule.match), ...(plan === undefined ? [] : [plan])];
  const { not } = rule.match;
  const except = not === undefined ? undefined : exceptionOf(not);
  const allow = rule.allow.length > 0 ? new AccessList(rule.allow) : undefined;
  const deny = rule.deny.length > 0 ? new AccessList(rule.deny) : undefined;
  const isBare = conditions.length === 0 && except === undefined && allow === undefined && deny === undefined;
  return {
    conditions,
    except,
    allow,
    deny,
    counting: new Counting(rule),
    missing: rule.missing,
    isBare: isBare && rule.missing === "ip",
  };
}

/** A request is excepted only if it is in every reading of its path: in doubt the rule covers it. */
function exceptionOf(not: Conditions): (traits: Traits) => boolean {
  const conditions = conditionsOf(not, true);
  const tests = not.paths?.flatMap((path) => alternativesOf(path, true).map(pathTest));
  return (traits) => {
    if (not.methods !== undefined && !not.methods.includes(traits.method)) return false;
    if (!conditions.every((holds) => holds(traits))) return false;
    if (tests === undefined) return true;
    return readingsOf(strictReading(traits.pathname)).every((path) => tests.some((test) => test(path)));
  };
}

/** The set with one rule more, if the rest of the rule lets it cover the request. */
function extend(set: RuleSet, index: number, rule: Prepared, traits: Traits, client: ClientAddress): RuleSet {
  if (rule.isBare) return set.and(index);
  for (const holds of rule.conditions) if (!holds(traits)) return set;
  if (rule.except?.(traits) === true || rule.allow?.has(traits, client) === true) return set;
  if (rule.deny?.has(traits, client) === true) return set.refusing(index);
  if (rule.missing === "ip" || !rule.counting.lacks(traits)) return set.and(index);
  if (rule.missing === "deny") return set.refusing(index);
  // Nobody gets out of a rule by saying two things.
  return rule.counting.isTorn(traits) ? set.and(index) : set;
}

/** Gives the rules that a request falls under. `client`: its address, read. */
export type Matcher = (traits: Traits, client: ClientAddress) => RuleSet;

/**
 * Prepares the rules for many requests. What it returns never throws, and allocates nothing for a plainly spelled path
 * of which no beginning stands in a rule.
 * @param enforce false makes every rule act as shadow
 */
export function compileMatcher(rules: readonly Rule[], enforce = true): Matcher {
  const none = RuleSet.none(rules, enforce);
  const prepared = rules.map(prepare);
  const all = rules.flatMap(({ match }, index) =>
    match.paths
      .flatMap((path) => alternativesOf(path))
      .map((globs): Candidate => {
        const every = globs.length === 1 && globs[0] === GLOBSTAR;
        const last = globs.at(-1);
        return {
          index,
          methods: match.methods,
          globs,
          test: every ? undefined : pathTest(globs),
          last: last !== undefined && isLiteral(last) ? last : undefined,
        };
      }),
  );
  const tree = new Branch();
  for (const candidate of all) tree.grow(candidate);
  tree.ripen();
  const needsPath = all.some(({ test }) => test !== undefined);
  return (traits, client) => {
    // Nobody spells paths for rules on all of them.
    const strict = needsPath ? strictReading(traits.pathname) : "/";
    const readings = needsPath && isDisputed(strict) ? readingsOf(strict) : undefined;
    let found = none;
    /** A rule with several paths is a candidate for each. */
    let before = -1;
    for (const candidate of readings === undefined ? tree.candidates(strict) : all) {
      const { index } = candidate;
      if (index === before) continue;
      const isCovered =
        readings === undefined
          ? covers(candidate, traits, strict)
          : readings.some((path) => covers(candidate, traits, path));
      if (!isCovered) continue;
      before = index;
      found = extend(found, index, prepared[index] as Prepared, traits, client);
    }
    return found;
  };
}
