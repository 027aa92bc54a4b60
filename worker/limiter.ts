/**
 * The limiter of one isolate: the compiled rules, this source's credit, and its ways to owners and hub.
 * It turns a request into a decision; what to answer is `respond.ts`'s.
 */
import { type KeyDisplay, keyDisplay, maskKey } from "../shared/display.ts";
import { hex32, hex64 } from "../shared/hash.ts";
import { KeyHasher } from "../shared/key.ts";
import { LABEL_MAX } from "../shared/limits.ts";
import { compileMatcher, type Matcher } from "../shared/match.ts";
import { type Backlog, backlogOf } from "../shared/pop/backlog.ts";
import { busiest } from "../shared/pop/busiest.ts";
import { ByBlock } from "../shared/pop/by-block.ts";
import { ByCredit, type Picked } from "../shared/pop/by-credit.ts";
import { TAG_HI, TAG_LO } from "../shared/pop/credit-table.ts";
import { Admission, type Decision, refusal, type Waiting } from "../shared/pop/decide.ts";
import type { EntryState } from "../shared/pop/entries.ts";
import { Source } from "../shared/pop/source.ts";
import type { KeyHash } from "../shared/protocol/messages.ts";
import { type Region, regionOf } from "../shared/region.ts";
import { type Countable, Counting, named, Requested } from "../shared/requested.ts";
import type { Rule } from "../shared/rule.ts";
import { RuleSet } from "../shared/rule-set.ts";
import { sightingOf } from "../shared/spread/pick.ts";
import { Tally } from "../shared/telemetry/tally.ts";
import { type EpochMs, epochMs } from "../shared/time.ts";
import type { Traits } from "../shared/traits.ts";
import type { Background } from "./courier.ts";
import { type Env, isOn } from "./env.ts";
import { Labels } from "./labels.ts";
import { Lookout } from "./lookout.ts";
import { Observer } from "./observer.ts";
import { OwnerClient } from "./owner-client.ts";
import { placeOf, popHere, UNKNOWN_POP } from "./place.ts";
import { Reporter } from "./reporter.ts";
import { Sampling } from "./sampling.ts";
import { Watch } from "./watch.ts";

/** What a caller may say of a request that the request does not. */
export interface Asked {
  /** How many requests it counts as; 1 unless given. */
  readonly cost?: number | undefined;
  /** A key to count by under a rule, instead of what the rule's `key` says; `undefined` for that. */
  readonly keyOf?: ((ruleIndex: number) => string | undefined) | undefined;
}

const NOTHING_ASKED: Asked = {};

/** A key that somebody named. */
export interface NamedKey {
  readonly hash: KeyHash;
  /** The lower half of its tag: where its windows begin. */
  readonly tagLo: number;
  /** What people are shown of it; `undefined` where only hashes are. */
  readonly label: string | undefined;
}

/** What KEY_SECRET gives, each 256 bits as eight words. */
export interface Secrets {
  /** Keys are hashed under it. */
  readonly keys: Uint32Array;
  /** Chooses the keys that are counted exactly besides. */
  readonly sample: Uint32Array;
}

/** One key of `inspect`. */
export type KeyState = Omit<EntryState, "slot"> & { readonly key: string };

export class Limiter {
  readonly rules: readonly Rule[];
  /** The headers that tell an origin of a limit. */
  readonly tagHeaders: readonly string[];
  /** Whose hub this isolate listens to. */
  region: Region = regionOf(undefined, undefined);
  readonly #source: Source;
  readonly #byCredit: ByCredit;
  readonly #byBlock: ByBlock;
  readonly #match: Matcher;
  readonly #client: OwnerClient;
  readonly #watch: Watch;
  readonly #observer: Observer;
  readonly #tally: Tally;
  readonly #reporter: Reporter;
  readonly #lookout: Lookout;
  readonly #enforce: boolean;
  readonly #display: ((text: string) => string) | undefined;
  /** How each rule reads keys and costs. */
  readonly countings: readonly Counting[];
  /** The set of no rules: what single rules are decided under is made from it. */
  readonly #single: RuleSet;
  /** The request that is being decided. */
  readonly #requested: Requested;
  readonly #labels = new Labels((slot) => this.#source.isOver(slot, epochMs(Date.now())));

  /** Call it within a request: it draws random numbers. */
  constructor(env: Env, rules: readonly Rule[], secrets: Secrets) {
    const random = crypto.getRandomValues(new Uint32Array(3));
    this.rules = rules;
    this.tagHeaders = [
      ...new Set(rules.flatMap(({ action }) => (action.kind === "tag" ? [action.header] : []))),
    ];
    this.#enforce = isOn(env.ENFORCE, true);
    this.#match = compileMatcher(rules, this.#enforce);
    this.#single = RuleSet.none(rules, this.#enforce);
    this.#source = new Source({
      isolate: hex64(random[0] ?? 0, random[1] ?? 0),
      seed: random[2] ?? 0,
      pop: UNKNOWN_POP,
      rules,
      hashers: rules.map((rule) => new KeyHasher(secrets.keys, rule.version)),
    });
    this.countings = rules.map((rule) => new Counting(rule));
    this.#requested = new Requested(this.countings);
    this.#byCredit = new ByCredit(this.#source);
    const sampling = new Sampling(this.#source, env, secrets.sample);
    // What becomes of sampled keys is looked at after the decision.
    this.#byBlock = new ByBlock(this.#source, (hi, lo) => sampling.has(hi, lo));
    this.#observer = new Observer(this.#source, sampling, env);
    this.#lookout = new Lookout(env);
    this.#tally = new Tally(rules);
    this.#client = new OwnerClient(this.#source, env, this.#tally);
    this.#reporter = new Reporter(env, this.#tally, {
      source: this.#source,
      watchAgeMs: (now) => this.#watch.ageMs(now),
      busiest: (wanted, now) => busiest(this.#source, wanted, (slot) => this.#labelAt(slot), now),
    });
    this.#watch = new Watch(this.#source, this.#client, env, {
      heard: (news, background) => {
        this.#tally.heard(news);
        this.#reporter.stirred(this.region, background);
      },
      watched: (until, wanted, background) => this.#reporter.watched(until, wanted, this.region, background),
    });
    this.#display = displayOf(keyDisplay(env.KEY_DISPLAY));
  }

  /**
   * Decides a request; `undefined` when no rule covers it. Admitted by credit alone, or denied by a block that is
   * known here, it is decided at once and does no I/O.
   * @param now when the request came
   */
  decide(
    traits: Traits,
    now: EpochMs,
    background: Background,
    { cost = 1, keyOf }: Asked = NOTHING_ASKED,
  ): Decision | undefined | Promise<Decision> {
    const requested = this.#requested.read(traits, cost, keyOf);
    const set = this.#match(traits, requested.client);
    if (!set.isEmpty) return this.#decide(set, requested, now, background);
    this.#tally.passed();
    return undefined;
  }

  /** A request passed because deciding it failed. */
  faulted(): void {
    this.#tally.faulted();
  }

  /** Decides a request of a key that somebody names, under one rule. `undefined` for a key that is none. */
  decideNamed(
    ruleIndex: number,
    key: string,
    cost: number,
    background: Background,
  ): Decision | undefined | Promise<Decision> {
    const found = this.countings[ruleIndex]?.keyNamed(key);
    const rule = this.rules[ruleIndex];
    if (found === undefined || rule === undefined) return undefined;
    const set = this.#single.and(ruleIndex);
    const asked = named(found.key, found.text, rule.cost * cost);
    return this.#decide(set, asked, epochMs(Date.now()), background);
  }

  /** The hash and the shown text of a key that somebody names; `undefined` for a key that is none. */
  nameKey(ruleIndex: number, key: string): NamedKey | undefined {
    const found = this.countings[ruleIndex]?.keyNamed(key);
    const hasher = this.#source.hashers[ruleIndex];
    if (found === undefined || hasher === undefined) return undefined;
    const hash = hasher.hash(found.key);
    const label = this.#display === undefined ? undefined : labelled(this.#display(found.text));
    return { hash, tagLo: hasher.lo, label };
  }

  #decide(
    set: RuleSet,
    requested: Countable,
    now: EpochMs,
    background: Background,
  ): Decision | Promise<Decision> {
    if (set.refusedBy !== undefined) {
      const refused = refusal(set.refusedBy);
      this.#observer.decided(refused, requested, now);
      return this.#counted(refused);
    }
    const byCredit = this.#byCredit.decide(set, requested, now);
    if (byCredit === undefined) {
      return (
        this.#blocked(set, requested, now, background) ?? this.#admission(set, requested, now, background)
      );
    }
    this.#tally.decided(byCredit, set.indexes[0]);
    this.#observer.byCredit(set, requested, this.#byCredit, now, background);
    if (this.#byCredit.picked.length > 0) this.#saw(this.#byCredit.picked.splice(0), requested, background);
    if (this.#display !== undefined) this.#remember(set, requested);
    return byCredit;
  }

  #blocked(set: RuleSet, requested: Countable, now: EpochMs, background: Background): Decision | undefined {
    const decision = this.#byBlock.decide(set, requested, now);
    if (decision === undefined) return undefined;
    if (this.#byBlock.due.length > 0)
      for (const hot of this.#byBlock.due.splice(0)) this.#client.drive(hot, background);
    this.#observer.decided(decision, requested, now);
    this.#tally.decided(decision, set.indexes[0]);
    if (this.#display !== undefined) this.#remember(set, requested);
    return decision;
  }

  /** @param cameAt when the request came */
  #admission(
    set: RuleSet,
    requested: Countable,
    cameAt: EpochMs,
    background: Background,
  ): Decision | Promise<Decision> {
    const charged = set.indexes.map((ruleIndex) => ({
      ruleIndex,
      key: requested.keyOf(ruleIndex),
      cost: requested.costOf(ruleIndex),
    }));
    let counted = requested;
    const admission = new Admission(this.#source, charged, {
      enforce: this.#enforce,
      label: this.#labelOf(() => counted),
    });
    const first = this.#step(admission, cameAt, background);
    this.#remember(set, requested);
    const observed = (decision: Decision, now: EpochMs): Decision => {
      this.#observer.decided(decision, counted, now);
      this.#observer.judged(admission.judged(decision, now), cameAt, background);
      this.#saw(admission.picked, counted, background);
      return this.#counted(decision);
    };
    if (first.kind === "decided") return observed(first, cameAt);
    // It goes on when other requests have been read.
    counted = requested.copy();
    admission.keep((ruleIndex) => counted.keyOf(ruleIndex));
    // A request whose client hangs up must still be decided: others may stand behind it.
    const decided = this.#wait(first, admission, background).then((decision) =>
      observed(decision, epochMs(Date.now())),
    );
    background.waitUntil(decided);
    return decided;
  }

  #step(admission: Admission, now: EpochMs, background: Background): Decision | Waiting {
    const outcome = admission.step(now);
    if (admission.due.length > 0)
      for (const hot of admission.due.splice(0)) this.#client.drive(hot, background);
    return outcome;
  }

  async #wait(first: Waiting, admission: Admission, background: Background): Promise<Decision> {
    let outcome: Decision | Waiting = first;
    while (outcome.kind === "waiting") {
      this.#client.drive(outcome.hot, background);
      await this.#client.pause(outcome.waiter, outcome.until);
      outcome = this.#step(admission, epochMs(Date.now()), background);
    }
    return outcome;
  }

  /** Reports what was picked of a silently admitted request. */
  #saw(picked: readonly Picked[], requested: Countable, background: Background): void {
    for (const one of picked) {
      const { ruleIndex } = one;
      const hash = this.#source.hashers[ruleIndex]?.hash(requested.keyOf(ruleIndex)) ?? "";
      const label = this.#labelOf(() => requested)?.(ruleIndex);
      this.#lookout.saw(sightingOf(this.#source, one, hash, label), this.region, background);
    }
  }

  #counted(decision: Decision): Decision {
    this.#tally.decided(decision);
    return decision;
  }

  /**
   * Keeps the hub connection open. Called on every request, also on those that no rule matches.
   * @param request `undefined` for a call that is none: it does not say where it came in
   */
  listen(request: Request | undefined, now: EpochMs, background: Background): void {
    const watchIsDue = this.#watch.isDue(now);
    if (!watchIsDue && !this.#reporter.isDue(now)) return;
    // Where a request came in is read where it is news: it is much to read, and an isolate stays where it is.
    if (request !== undefined) {
      const { continent, longitude } = placeOf(request);
      this.#source.pop = popHere(request);
      this.region = regionOf(continent, longitude);
    }
    if (watchIsDue) this.#watch.keep(this.region, now, background);
    if (this.#reporter.isDue(now)) this.#reporter.keep(this.region, now, background);
  }

  /** What people are shown of this isolate's entries. */
  inspect(): { readonly source: string; readonly keys: readonly KeyState[] } {
    const keys: KeyState[] = [];
    for (const { slot, ...entry } of this.#source.entries(epochMs(Date.now()))) {
      const { table } = this.#source;
      keys.push({
        ...entry,
        key: this.#labelAt(slot) ?? hex32(table.get(slot, TAG_HI)) + hex32(table.get(slot, TAG_LO)),
      });
    }
    return { source: this.#source.isolate, keys };
  }

  #labelAt(slot: number): string | undefined {
    return this.#labels.get(slot) ?? this.#source.hotAt(slot)?.label;
  }

  /** What waits in this isolate for owners. */
  backlog(): Backlog {
    return backlogOf(this.#source.hotKeys(), epochMs(Date.now()));
  }

  #remember(set: RuleSet, requested: Countable): void {
    const label = this.#labelOf(() => requested);
    if (label === undefined) return;
    for (const ruleIndex of set.indexes) {
      const hasher = this.#source.hashers[ruleIndex];
      hasher?.tag(requested.keyOf(ruleIndex));
      const slot = this.#source.table.find(hasher?.hi ?? 0, hasher?.lo ?? 0);
      if (slot >= 0) this.#labels.set(slot, label(ruleIndex));
    }
  }

  /** What a request's keys are shown as; `undefined` where only hashes are. */
  #labelOf(counted: () => Countable): ((ruleIndex: number) => string) | undefined {
    const display = this.#display;
    if (display === undefined) return undefined;
    return (ruleIndex) => labelled(display(counted().textOf(ruleIndex)));
  }
}

/** A key as it is shown, cut where a client sent one without end: labels are kept, here and at owners. */
const labelled = (text: string): string =>
  text.length <= LABEL_MAX ? text : `${text.slice(0, LABEL_MAX - 1)}…`;

function displayOf(display: KeyDisplay): ((text: string) => string) | undefined {
  if (display === "hash") return undefined;
  return display === "plain" ? (text) => text : maskKey;
}
