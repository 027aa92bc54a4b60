/**
 * What a caller may do by name: count a request, look at a key, and change what is known of it. The service binding
 * (`rate-limiter.ts`) and the HTTP API (`api.ts`) are two ways to it.
 */
import { explainBound } from "../shared/bound.ts";
import { tagDigits, tagOf } from "../shared/key.ts";
import { CLAIMS_LISTED_MAX } from "../shared/limits.ts";
import type { Decision } from "../shared/pop/decide.ts";
import type { CommandAction, CommandResult } from "../shared/protocol/commands.ts";
import type { Announcement } from "../shared/protocol/messages.ts";
import { quote } from "../shared/quote.ts";
import type { Region } from "../shared/region.ts";
import { capacity, type Rule } from "../shared/rule.ts";
import { LIMIT_TIMES_WINDOW_MAX } from "../shared/rule-schema.ts";
import type { StoryEvent } from "../shared/telemetry/live.ts";
import { after, durationMs, epochMs, formatDuration, secondsUntil } from "../shared/time.ts";
import type { Account, Claim, LimitDecision, RuleSummary } from "./answers.ts";
import { command, inTime } from "./command.ts";
import type { Background } from "./courier.ts";
import type { Env } from "./env.ts";
import {
  BadRequest,
  type LimitRequest,
  readKey,
  readLimitRequest,
  readOverride,
  readSeconds,
  Unavailable,
} from "./limit-request.ts";
import type { Limiter, NamedKey } from "./limiter.ts";

export class Service {
  readonly #limiter: Limiter;
  readonly #env: Env;
  readonly #background: Background;
  readonly #region: Region;

  /**
   * @param background of the call that it serves
   * @param region whose hub is asked for claims
   */
  constructor(limiter: Limiter, env: Env, background: Background, region: Region) {
    this.#region = region;
    this.#limiter = limiter;
    this.#env = env;
    this.#background = background;
  }

  // Every call throws `BadRequest` for what cannot be done, and `Unavailable` where owner or hub is out of reach.

  /** Counts a request and decides it. */
  async limit(input: unknown): Promise<LimitDecision> {
    const request = readLimitRequest(input);
    const { index, rule } = this.#ruleOf(request);
    const decision = await this.#limiter.decideNamed(index, request.key, request.cost ?? 1, this.#background);
    if (decision === undefined) throw new BadRequest(`a request, "key": found ${quote(request.key)}`);
    return decisionOf(decision, rule);
  }

  /** What `limit` would say. Asks the key's owner, and charges nothing. */
  async peek(input: unknown): Promise<LimitDecision> {
    const request = readLimitRequest(input);
    const { index, rule } = this.#ruleOf(request);
    const cost = rule.cost * (request.cost ?? 1);
    const account = await this.#command(index, request.key, { kind: "peek" });
    const now = epochMs(Date.now());
    const remaining = Math.max(0, account.limit - account.count);
    const blocked = account.blockedUntil !== null && account.blockedUntil > now;
    const admitted = !blocked && cost <= remaining && cost <= capacity(rule);
    const retryAt = account.blockedUntil ?? account.resetAt;
    return {
      admitted,
      how: "owner",
      rule: rule.name,
      limit: account.limit,
      remaining: blocked ? 0 : remaining,
      resetAt: account.resetAt,
      ...(!admitted && { retryAfterSeconds: Math.max(1, secondsUntil(retryAt, now)) }),
    };
  }

  /** What owners know of a key: one account, or one for each plan. */
  inspect(rule: string, key: string, byHash = false): Promise<readonly Account[]> {
    return this.#commandAll(rule, key, { kind: "peek" }, byHash);
  }

  /** Under which names hubs know a key: rule version, dot, tag; one for each plan. */
  tagsOf(rule: string, key: string, byHash: boolean): readonly string[] {
    return this.#indexesOf(rule).map((index) => {
      const { version } = this.#limiter.rules[index] as Rule;
      return `${version}.${tagDigits(this.#named(index, key, byHash).hash)}`;
    });
  }

  /** What happened to a key as this region's hub heard it, oldest first. @param tags as `tagsOf` says */
  async story(tags: readonly string[]): Promise<readonly StoryEvent[]> {
    const hub = this.#env.REGION_HUB.getByName(this.#region, { locationHint: this.#region });
    const stories = await Promise.all(
      tags.map((name) => {
        const [version = "", tag = ""] = name.split(".");
        return inTime("the region's hub", () => hub.story(version, tag));
      }),
    );
    return stories.flat().toSorted((a, b) => a.at - b.at);
  }

  /** Begins the count of a key anew, and ends its block. */
  reset(rule: string, key: string, byHash = false): Promise<readonly Account[]> {
    return this.#commandAll(rule, key, { kind: "reset" }, byHash);
  }

  /** Bars a key for so long, whatever its count. @param input `{ seconds }` */
  async block(rule: string, key: string, input: unknown, byHash = false): Promise<readonly Account[]> {
    return this.#commandAll(rule, key, { kind: "block", until: inSeconds(readSeconds(input)) }, byHash);
  }

  unblock(rule: string, key: string, byHash = false): Promise<readonly Account[]> {
    return this.#commandAll(rule, key, { kind: "unblock" }, byHash);
  }

  /** Gives a key a limit of its own for so long; `null` takes it back. @param input `{ limit, seconds }` or null */
  async override(rule: string, key: string, input: unknown, byHash = false): Promise<readonly Account[]> {
    if (input === null) return this.#commandAll(rule, key, { kind: "override", limit: null }, byHash);
    const { limit, seconds } = readOverride(input);
    return this.#commandAll(rule, key, { kind: "override", limit, until: inSeconds(seconds) }, byHash);
  }

  /** Keys whose owner counts for everyone, as far as this region's hub has heard. Newest first. */
  async claims(rule: string | undefined): Promise<readonly Claim[]> {
    const { rules } = this.#limiter;
    const wanted = rule === undefined ? rules.map((_, index) => index) : this.#indexesOf(rule);
    const byVersion = new Map(wanted.map((index) => [rules[index]?.version, rules[index] as Rule]));
    const hub = this.#env.REGION_HUB.getByName(this.#region, { locationHint: this.#region });
    const versions = [...byVersion.keys()].filter((version) => version !== undefined);
    const news = await inTime("the region's hub", () => hub.claims(versions, CLAIMS_LISTED_MAX));
    return news.flatMap((item) => {
      const found = byVersion.get(item.ruleVersion);
      return found === undefined ? [] : [claimOf(item, found)];
    });
  }

  rules(): readonly RuleSummary[] {
    return this.#limiter.rules.map((rule) => ({
      name: rule.name,
      version: rule.version,
      ...(rule.plan?.name !== undefined && { plan: rule.plan.name }),
      limit: rule.limit,
      windowMs: rule.window,
      // Of an automatic one what isolates begin with, which is the highest.
      threshold: rule.threshold,
      // What is undefined is left out of JSON.
      excessMax: rule.excessMax,
      lease: rule.lease,
      grace: rule.grace,
      strict: rule.strict,
      spread: rule.spread,
      algorithm: rule.algorithm,
      mode: rule.mode,
      guarantee: explainBound(rule),
    }));
  }

  /** The key's hash under a rule, for logs. */
  hashOf(rule: string, key: string, byHash = false): string {
    return this.#named(this.#indexesOf(rule)[0] as number, key, byHash).hash;
  }

  #ruleOf({ rule: name, plan }: LimitRequest): { readonly index: number; readonly rule: Rule } {
    const { rules } = this.#limiter;
    const indexes = this.#indexesOf(name);
    const index = indexes.find((at) => rules[at]?.plan?.name === plan);
    const rule = index === undefined ? undefined : rules[index];
    if (index !== undefined && rule !== undefined) return { index, rule };
    const plans = indexes.map((at) => rules[at]?.plan?.name).filter((known) => known !== undefined);
    const known = plans.length === 0 ? "it has no plans" : `its plans are ${plans.join(", ")}`;
    throw new BadRequest(`a request, "plan": found ${quote(plan)}; ${known}`);
  }

  /** The rules of a name: more than one where it has plans. */
  #indexesOf(name: string): readonly number[] {
    const { rules } = this.#limiter;
    const indexes = rules.flatMap((rule, index) => (rule.name === name ? [index] : []));
    if (indexes.length > 0) return indexes;
    const names = [...new Set(rules.map((rule) => rule.name))].join(", ");
    throw new BadRequest(`found rule ${quote(name)}; the rules are ${names}`, "unknown-rule");
  }

  /**
   * Gives a command to the owner of a key, or to one of each plan. Where only some did it, that is no refusal: it is
   * not known how it ended.
   */
  async #commandAll(
    name: string,
    key: string,
    action: CommandAction,
    byHash: boolean,
  ): Promise<readonly Account[]> {
    const indexes = this.#indexesOf(name);
    for (const index of indexes) this.#refuseTooLarge(index, action);
    const ended = await Promise.allSettled(
      indexes.map(async (index) => {
        const plan = this.#limiter.rules[index]?.plan?.name;
        const result = await this.#command(index, key, action, byHash);
        return plan === undefined ? result : { ...result, plan };
      }),
    );
    const failed = ended.filter((one) => one.status === "rejected");
    if (failed.length === 0) return ended.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const errors = failed.map(({ reason }): unknown => reason);
    const error = errors.find((one) => !(one instanceof BadRequest)) ?? errors[0];
    if (error instanceof BadRequest && failed.length < ended.length)
      throw new Unavailable(`it was done for some plans only: ${error.message}`);
    throw error;
  }

  /** Before anything is sent: what one plan's owner would refuse, another's might do. */
  #refuseTooLarge(index: number, action: CommandAction): void {
    if (action.kind !== "override" || action.limit === null) return;
    const { name, window } = this.#limiter.rules[index] as Rule;
    const most = Math.floor(LIMIT_TIMES_WINDOW_MAX / window);
    if (action.limit > most)
      throw new BadRequest(
        `an override, "limit": found ${action.limit}; allowed under rule ${quote(name)} is at most ${most}, for its window is ${formatDuration(window)}`,
      );
  }

  #command(index: number, key: string, action: CommandAction, byHash = false): Promise<CommandResult> {
    return command(this.#env, this.#limiter.rules[index] as Rule, this.#named(index, key, byHash), action);
  }

  /** @param byHash whether `key` is the hash under which a key is shown, not the key itself */
  #named(index: number, key: string, byHash: boolean): NamedKey {
    if (byHash) return hashed(key);
    const named = this.#limiter.nameKey(index, readKey(key));
    if (named === undefined) throw new BadRequest(`found key ${quote(key)}; allowed is a text`);
    return named;
  }
}

function hashed(hash: string): NamedKey {
  if (!/^[0-9a-f]{32}$/.test(hash))
    throw new BadRequest(`found hash ${quote(hash)}; allowed are 32 hex digits, as a key is shown by`);
  return { hash, tagLo: tagOf(hash).lo, label: undefined };
}

const claimOf = (news: Announcement, rule: Rule): Claim => ({
  rule: rule.name,
  ...(rule.plan?.name !== undefined && { plan: rule.plan.name }),
  key: news.label ?? news.key,
  claimedUntil: news.claimedUntil ?? null,
  blockedUntil: Math.max(news.fullUntil ?? 0, news.penaltyUntil ?? 0) || null,
});

const inSeconds = (seconds: number) => after(epochMs(Date.now()), durationMs(1_000 * seconds));

function decisionOf(decision: Decision, rule: Rule): LimitDecision {
  const quota = decision.quotas.find((told) => told.rule === rule);
  const now = epochMs(Date.now());
  return {
    admitted: decision.admitted,
    how: decision.how,
    rule: rule.name,
    limit: quota?.limit ?? rule.limit,
    ...(quota !== undefined && { remaining: quota.remaining, resetAt: quota.resetAt }),
    ...(!decision.admitted && { retryAfterSeconds: Math.max(1, secondsUntil(decision.retryAt, now)) }),
  };
}
