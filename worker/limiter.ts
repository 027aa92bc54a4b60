/**
 * The limiter of one isolate: the compiled rules, this source's credit, and its ways to owners and hub.
 * It turns a request into a decision; what to answer is `handle.ts`'s.
 */
import { ClientAddress } from "../shared/address.ts";
import { type KeyDisplay, keyDisplay, maskKey } from "../shared/display.ts";
import { hex32, hex64 } from "../shared/hash.ts";
import { KeyHasher, keyText } from "../shared/key.ts";
import { compileMatcher } from "../shared/match.ts";
import { type Backlog, backlogOf } from "../shared/pop/backlog.ts";
import { ByCredit } from "../shared/pop/by-credit.ts";
import { TAG_HI, TAG_LO } from "../shared/pop/credit-table.ts";
import { Admission, type Decision, type Waiting } from "../shared/pop/decide.ts";
import type { EntryState } from "../shared/pop/entries.ts";
import { Source } from "../shared/pop/source.ts";
import { regionOf } from "../shared/region.ts";
import type { Rule } from "../shared/rule.ts";
import type { RuleSet } from "../shared/rule-set.ts";
import { epochMs } from "../shared/time.ts";
import type { Background } from "./courier.ts";
import { type Env, isOn } from "./env.ts";
import { Labels } from "./labels.ts";
import { OwnerClient } from "./owner-client.ts";
import { placeOf, popHere, UNKNOWN_POP } from "./place.ts";
import { Watch } from "./watch.ts";

/** One key of `inspect`. */
export type KeyState = Omit<EntryState, "slot"> & { readonly key: string };

export class Limiter {
  readonly rules: readonly Rule[];
  readonly #source: Source;
  readonly #byCredit: ByCredit;
  readonly #match: (method: string, pathname: string) => RuleSet;
  readonly #client: OwnerClient;
  readonly #watch: Watch;
  readonly #enforce: boolean;
  readonly #display: ((text: string) => string) | undefined;
  /** The client of the request that is being decided. */
  readonly #address = new ClientAddress();
  readonly #labels = new Labels((slot) => this.#source.isOver(slot, epochMs(Date.now())));

  /** @param secret 256 bits from KEY_SECRET, as eight words. Call it within a request: it draws random numbers. */
  constructor(env: Env, rules: readonly Rule[], secret: Uint32Array) {
    const random = crypto.getRandomValues(new Uint32Array(3));
    this.rules = rules;
    this.#enforce = isOn(env.ENFORCE, true);
    this.#match = compileMatcher(rules, this.#enforce);
    this.#source = new Source({
      isolate: hex64(random[0] ?? 0, random[1] ?? 0),
      seed: random[2] ?? 0,
      pop: UNKNOWN_POP,
      rules,
      hashers: rules.map((rule) => new KeyHasher(secret, rule.version)),
    });
    this.#byCredit = new ByCredit(this.#source);
    this.#client = new OwnerClient(this.#source, env);
    this.#watch = new Watch(this.#source, this.#client, env);
    this.#display = displayOf(keyDisplay(env.KEY_DISPLAY));
  }

  /**
   * Decides a request; `undefined` when no rule matches it. Admitted by credit alone, or denied by a block that is
   * known here, it is decided at once and does no I/O.
   */
  decide(
    request: Request,
    pathname: string,
    cost: number,
    background: Background,
  ): Decision | undefined | Promise<Decision> {
    const set = this.#match(request.method, pathname);
    if (set.isEmpty) return undefined;
    const client = this.#address.read(request.headers.get("CF-Connecting-IP"));
    const byCredit = this.#byCredit.decide(set, client, cost, epochMs(Date.now()));
    if (byCredit === undefined) return this.#admission(set, client, cost, background);
    if (this.#display !== undefined) this.#remember(set, client);
    return byCredit;
  }

  #admission(
    set: RuleSet,
    client: ClientAddress,
    cost: number,
    background: Background,
  ): Decision | Promise<Decision> {
    const admission = new Admission(
      this.#source,
      set.indexes.map((ruleIndex) => ({ ruleIndex, key: client })),
      cost,
      { enforce: this.#enforce, label: this.#labelOf(client) },
    );
    const first = this.#step(admission, background);
    this.#remember(set, client);
    if (first.kind === "decided") return first;
    const kept = client.copy();
    admission.keep(() => kept);
    // A request whose client hangs up must still be decided: others may stand behind it.
    const decided = this.#wait(first, admission, background);
    background.waitUntil(decided);
    return decided;
  }

  #step(admission: Admission, background: Background): Decision | Waiting {
    const outcome = admission.step(epochMs(Date.now()));
    if (admission.due.length > 0)
      for (const hot of admission.due.splice(0)) this.#client.drive(hot, background);
    return outcome;
  }

  async #wait(first: Waiting, admission: Admission, background: Background): Promise<Decision> {
    let outcome: Decision | Waiting = first;
    while (outcome.kind === "waiting") {
      this.#client.drive(outcome.hot, background);
      await this.#client.pause(outcome.waiter, outcome.until);
      outcome = this.#step(admission, background);
    }
    return outcome;
  }

  /** Keeps the hub connection open. Called on every request, also on those that no rule matches. */
  listen(request: Request, background: Background): void {
    const now = epochMs(Date.now());
    if (!this.#watch.isDue(now)) return;
    // Where a request came in is read where it is news: it is much to read, and an isolate stays where it is.
    const { continent, longitude } = placeOf(request);
    this.#source.pop = popHere(request);
    this.#watch.keep(regionOf(continent, longitude), now, background);
  }

  /** What people are shown of this isolate's entries. */
  inspect(): { readonly source: string; readonly keys: readonly KeyState[] } {
    const keys: KeyState[] = [];
    for (const { slot, ...entry } of this.#source.entries(epochMs(Date.now()))) {
      const { table } = this.#source;
      const label = this.#labels.get(slot) ?? this.#source.hotAt(slot)?.label;
      keys.push({ ...entry, key: label ?? hex32(table.get(slot, TAG_HI)) + hex32(table.get(slot, TAG_LO)) });
    }
    return { source: this.#source.isolate, keys };
  }

  /** What waits in this isolate for owners. */
  backlog(): Backlog {
    return backlogOf(this.#source.hotKeys(), epochMs(Date.now()));
  }

  #remember(set: RuleSet, client: ClientAddress): void {
    const label = this.#labelOf(client);
    if (label === undefined) return;
    for (const ruleIndex of set.indexes) {
      const hasher = this.#source.hashers[ruleIndex];
      hasher?.tag(client);
      const slot = this.#source.table.find(hasher?.hi ?? 0, hasher?.lo ?? 0);
      if (slot >= 0) this.#labels.set(slot, label(this.rules[ruleIndex] as Rule));
    }
  }

  /** What a client's keys are shown as; `undefined` where only hashes are. */
  #labelOf(client: ClientAddress): ((rule: Rule) => string) | undefined {
    const display = this.#display;
    if (display === undefined) return undefined;
    const { text } = client;
    return (rule) => display(keyText(rule, text));
  }
}

function displayOf(display: KeyDisplay): ((text: string) => string) | undefined {
  if (display === "hash") return undefined;
  return display === "plain" ? (text) => text : maskKey;
}
