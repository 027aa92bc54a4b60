/**
 * The limiter as a service: another Worker binds it (`[[services]]`, entrypoint = "RateLimiter") and calls it. Whoever
 * can bind it may do all of it; the HTTP API asks for a token instead.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { epochMs } from "../shared/time.ts";
import type { Account, Claim, LimitDecision, RuleSummary } from "./answers.ts";
import { audited, type Change, told } from "./audit.ts";
import { deployed } from "./config.ts";
import type { Env } from "./env.ts";
import { BadRequest, type LimitRequest } from "./limit-request.ts";
import { Service } from "./service.ts";

/** Every call throws an error that says what was wrong when it cannot be done; none of them is ever an admission. */
export class RateLimiter extends WorkerEntrypoint<Env> {
  /** Counts a request of a key under a rule, and decides it. */
  async limit(request: LimitRequest): Promise<LimitDecision> {
    return (await this.#service()).limit(request);
  }

  /** What `limit` would say; nothing is charged. */
  async peek(request: LimitRequest): Promise<LimitDecision> {
    return (await this.#service()).peek(request);
  }

  /** What is known of a key. */
  async inspect(rule: string, key: string): Promise<readonly Account[]> {
    return (await this.#service()).inspect(rule, key);
  }

  /** Begins the count of a key anew, and ends its block. */
  reset(rule: string, key: string): Promise<readonly Account[]> {
    return this.#admin({ what: "reset" }, rule, key, (service) => service.reset(rule, key));
  }

  /** Bars a key for so many seconds. */
  block(rule: string, key: string, seconds: number): Promise<readonly Account[]> {
    const block = { seconds };
    return this.#admin({ what: "block", ...told(block) }, rule, key, (service) =>
      service.block(rule, key, block),
    );
  }

  unblock(rule: string, key: string): Promise<readonly Account[]> {
    return this.#admin({ what: "unblock" }, rule, key, (service) => service.unblock(rule, key));
  }

  /** Gives a key a limit of its own for so many seconds; `null` takes it back. */
  override(
    rule: string,
    key: string,
    to: { readonly limit: number; readonly seconds: number } | null,
  ): Promise<readonly Account[]> {
    const limit = to === null ? { limit: null } : told(to);
    return this.#admin({ what: "override", ...limit }, rule, key, (service) =>
      service.override(rule, key, to),
    );
  }

  /** Keys that owners count for everyone. */
  async claims(rule?: string): Promise<readonly Claim[]> {
    return (await this.#service()).claims(rule);
  }

  async rules(): Promise<readonly RuleSummary[]> {
    return (await this.#service()).rules();
  }

  async #admin(
    change: Omit<Change, "by" | "rule" | "key">,
    rule: string,
    key: string,
    act: (service: Service) => Promise<readonly Account[]>,
  ): Promise<readonly Account[]> {
    const service = await this.#service();
    return audited(
      () => ({ by: "service-binding", ...change, rule, key: service.hashOf(rule, key) }),
      () => act(service),
    );
  }

  async #service(): Promise<Service> {
    const config = await deployed.for(this.env);
    if (!config.ok) throw new BadRequest(`the limiter is not configured: ${config.problems.join("; ")}`);
    config.limiter.listen(undefined, epochMs(Date.now()), this.ctx);
    return new Service(config.limiter, this.env, this.ctx, config.limiter.region);
  }
}
