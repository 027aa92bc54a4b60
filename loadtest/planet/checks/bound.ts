/**
 * The guarantee itself: in every window of an owner, at most L + (k−1)(T−1+N) is admitted, N being the grace and k
 * counting the isolates that admitted anything; what `on_failure` admits comes on top, and what was counted when it was reset.
 */
import { bound, bucketBound, silentMost } from "../../../shared/bound.ts";
import type { Decision } from "../../../shared/pop/decide.ts";
import type { Ask } from "../../../shared/protocol/messages.ts";
import type { Rule } from "../../../shared/rule.ts";
import type { Incarnation, OwnerHost } from "../owner-host.ts";
import type { Request } from "../request.ts";
import { Checker } from "./checker.ts";
import type { KeyTruth } from "./truth.ts";

export class Bound extends Checker {
  readonly name: string = "bound";

  override decided({ admission, client }: Request, { admitted }: Decision): void {
    if (!admitted) return;
    for (const { ruleIndex, window } of admission.counted) {
      const key = this.truth.of(ruleIndex, client);
      if (key.rule.algorithm !== "token-bucket" && this.concerns(key.rule)) this.#check(key, window);
    }
  }

  /** Rules that leave something to be counted silently. */
  protected concerns(rule: Rule): boolean {
    return silentMost(rule) > 0;
  }

  #nothingForgotten(): boolean {
    return this.truth.world.isolates.every(({ source }) => source.table.replacements === 0);
  }

  #check(key: KeyTruth, window: number): void {
    const { rule, client } = key;
    const { admitted, sources } = key.total(window);
    const { limit, threshold, grace, strict } = rule;
    // Of an automatic threshold this is the highest that any isolate ever has.
    // A strict rule is exact for as many isolates as it names, unless one had to forget what it had admitted.
    const isExact = this.truth.world.born <= strict && this.#nothingForgotten();
    const beyond = isExact ? 1 : sources;
    const most = bound({ limit, threshold, grace, sources: beyond }) + (key.forgiven.get(window) ?? 0);
    if (admitted > most)
      this.fail(
        `${client} was admitted ${admitted} in window ${window} by ${sources} isolates, at most ${most} ` +
          `(limit ${limit}, threshold ${threshold}, grace ${grace})`,
      );
  }
}

/** With a threshold of 1 and no grace nothing is counted silently: exactly the limit, however many isolates there are. */
export class Exact extends Bound {
  override readonly name = "exact";

  protected override concerns(rule: Rule): boolean {
    return silentMost(rule) === 0;
  }
}

/** What `on_failure = "local"` lets one isolate admit by itself: the limit in each window, as long as it has the entry. */
export class Local extends Checker {
  readonly name = "local";

  override decided({ admission, client, isolate }: Request, { admitted }: Decision): void {
    if (!admitted) return;
    for (const { ruleIndex, window } of admission.counted) {
      const key = this.truth.of(ruleIndex, client);
      const degraded = key.spent(window, isolate).births.get(this.truth.birthOf(isolate, key)) ?? 0;
      const { onFailure, burst } = key.rule;
      if (onFailure === "local" && degraded > burst)
        this.fail(`${isolate.name} admitted ${degraded} of ${burst} to ${client} by itself`);
    }
  }
}

/** How much later than granted a cost may be used, and how much faster than real an owner's clock may run, ms. */
const BUCKET_SLACK_MS = 10_000;

/** The same for token buckets: over any span of time. */
export class BucketBound extends Checker {
  readonly name = "bucket-bound";
  /** Cost handed back, which a bucket cannot tell from room it always had. */
  readonly #handedBack = new Map<string, number>();

  override asking(_host: OwnerHost, incarnation: Incarnation, asks: readonly Ask[]): void {
    for (const ask of asks) {
      if (ask.rule.algorithm !== "token-bucket") continue;
      const name = `${ask.rule.version}.${ask.key}`;
      for (const account of incarnation.accounts.values()) {
        const known = account.ledger.sources.get(ask.source);
        if (account.key !== ask.key || known === undefined) continue;
        const back = Math.max(0, known.granted - ask.spent, known.previous - ask.previousSpent);
        this.#handedBack.set(name, (this.#handedBack.get(name) ?? 0) + back);
      }
    }
  }

  override decided({ admission, client }: Request, { admitted }: Decision): void {
    if (!admitted) return;
    for (const { ruleIndex } of admission.counted) {
      const key = this.truth.of(ruleIndex, client);
      if (key.rule.algorithm === "token-bucket") this.#check(key);
    }
  }

  #check(key: KeyTruth): void {
    const { limit, burst, threshold, grace, window } = key.rule;
    const isolates = new Set([...key.windows.values()].flatMap((window) => [...window.keys()])).size;
    const lost = [...key.windows.keys()].some(
      (at) => key.total(at).sources > (key.windows.get(at)?.size ?? 0),
    );
    const sources = isolates + (lost ? 1 : 0);
    const spare = (this.#handedBack.get(key.account) ?? 0) + key.refilled;
    const { now } = this.truth.world.agenda;
    let sum = 0;
    for (let at = key.admitted.length - 1; at >= 0; at -= 1) {
      const first = key.admitted[at];
      if (first === undefined) break;
      sum += first.cost;
      const windows = (now - first.at + BUCKET_SLACK_MS) / window;
      const most = bucketBound({ limit, burst, threshold, grace, sources, windows }) + spare;
      if (sum <= most) continue;
      this.fail(`${key.client} was admitted ${sum} within ${now - first.at} ms, at most ${most}`);
      return;
    }
  }
}
