/** The rules that a request falls under, and what follows from them for every such request. */
import { RULE_SETS_MAX } from "./limits.ts";
import { denies, type Rule } from "./rule.ts";

/** Rules of a deployment, in their order. Sets are made once and found again, so that a request builds none. */
export class RuleSet {
  /** Indexes into the deployment's rules, ascending. */
  readonly indexes: readonly number[];
  /** The rules that deny and that clients are told of: shadow rules and those that tag do neither. */
  readonly enforced: readonly Rule[];
  /** The rule that refuses such requests, whatever their count; `undefined` for none. */
  readonly refusedBy: Rule | undefined;
  #refused: Map<number, RuleSet> | undefined;
  readonly #family: Family;
  readonly #larger = new Map<number, RuleSet>();

  private constructor(family: Family, indexes: readonly number[], refusedBy?: Rule) {
    this.refusedBy = refusedBy;
    this.#family = family;
    this.indexes = indexes;
    this.enforced = indexes
      .map((index) => family.rules[index] as Rule)
      .filter((rule) => family.enforce && denies(rule));
  }

  /**
   * The set of no rules, from which the others are made with `and`.
   * @param enforce false makes every rule act as shadow
   */
  static none(rules: readonly Rule[], enforce = true): RuleSet {
    return new RuleSet({ rules, enforce, made: 0 }, []);
  }

  /** This set and one more rule, which comes after those of the set. */
  and(index: number): RuleSet {
    const known = this.#larger.get(index);
    if (known !== undefined) return known;
    const larger = new RuleSet(this.#family, [...this.indexes, index], this.refusedBy);
    // Clients choose paths, and with them sets: what they can have an isolate remember is bounded.
    if (this.#family.made < RULE_SETS_MAX) {
      this.#family.made += 1;
      this.#larger.set(index, larger);
    }
    return larger;
  }

  /** The requests of this set that a rule refuses; another rule that does so later changes nothing. */
  refusing(index: number): RuleSet {
    const rule = this.#family.rules[index] as Rule;
    if (this.refusedBy !== undefined || !this.#family.enforce || !denies(rule)) return this;
    this.#refused ??= new Map();
    const known = this.#refused.get(index);
    if (known !== undefined) return known;
    const refused = new RuleSet(this.#family, this.indexes, rule);
    this.#refused.set(index, refused);
    return refused;
  }

  get isEmpty(): boolean {
    return this.indexes.length === 0 && this.refusedBy === undefined;
  }

  get rules(): readonly Rule[] {
    return this.indexes.map((index) => this.#family.rules[index] as Rule);
  }
}

/** What all sets of one deployment share. */
interface Family {
  readonly rules: readonly Rule[];
  readonly enforce: boolean;
  /** Sets that are remembered. */
  made: number;
}
