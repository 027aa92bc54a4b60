/** A client of the limiter's HTTP API, for services that do not run as Workers: Node 18 and newer, or whatever has `fetch`. */
import { outcomeOf, outcomesOf } from "./answers.ts";
import { exchange, type Fetch, failed } from "./exchange.ts";
import type { Done, Failed, Outcome } from "./outcome.ts";

export type { Fetch } from "./exchange.ts";
export {
  type Admitted,
  admittedOr,
  type Denied,
  type Done,
  type Failed,
  type Outcome,
  type Reason,
} from "./outcome.ts";

export interface ClientOptions {
  /** Where the API is: `https://limiter.example.com/_onecount`. */
  readonly url: string;
  /** The Worker's ADMIN_TOKEN. */
  readonly token: string;
  /** How long to wait for a whole answer, in milliseconds; 500 unless given. */
  readonly timeoutMs?: number;
  /** Instead of the platform's `fetch`. */
  readonly fetch?: Fetch;
}

export interface LimitRequest {
  /** The name of a rule. */
  readonly rule: string;
  /** What is counted by, such as an address or the id of a user. */
  readonly key: string;
  /** How many requests it counts as; 1 unless given. */
  readonly cost?: number;
  /** Of a rule with plans: the one that is meant. */
  readonly plan?: string;
}

/** Milliseconds: a first request to an owner far away takes less, and a person does not yet wait. */
const TIMEOUT_MS = 500;

/** No method rejects for what the network or the limiter does: every outcome is a value, and a failure is no decision. */
export class RateLimiterClient {
  readonly #base: string;
  readonly #token: string;
  readonly #timeoutMs: number;
  readonly #fetch: Fetch;

  /** Throws a TypeError when the URL or the timeout cannot be one. */
  constructor({ url, token, timeoutMs = TIMEOUT_MS, fetch }: ClientOptions) {
    const { protocol, origin, pathname } = new URL(url);
    if (protocol !== "https:" && protocol !== "http:") throw new TypeError(`url: not http or https: ${url}`);
    if (!(timeoutMs > 0 && Number.isFinite(timeoutMs)))
      throw new TypeError(`timeoutMs: not a time: ${timeoutMs}`);
    this.#base = origin + pathname.replace(/\/+$/, "");
    this.#token = token;
    this.#timeoutMs = timeoutMs;
    // Called as a method of something else it would throw in some platforms.
    this.#fetch = fetch ?? ((target, init) => globalThis.fetch(target, init));
  }

  /** Counts a request and decides it. */
  async limit(request: LimitRequest): Promise<Outcome> {
    return this.#decide("/v1/limit", request);
  }

  /** Several at once, up to 100, each decided for itself: one outcome for each, in their order. */
  async limitBatch(requests: readonly LimitRequest[]): Promise<readonly Outcome[]> {
    if (requests.length === 0) return [];
    const answer = await this.#send("POST", "/v1/limit", { requests: requests.map(asked) });
    if (answer.kind === "failed") return requests.map(() => answer);
    return outcomesOf(answer.json, requests.length);
  }

  /** What `limit` would say now; nothing is counted. */
  async peek(request: LimitRequest): Promise<Outcome> {
    return this.#decide("/v1/peek", request);
  }

  /** Forgets what a key has used, and a block of it. */
  async reset(rule: string, key: string): Promise<Done> {
    return this.#command("DELETE", pathOf("keys", rule, key));
  }

  /** Denies a key for so many seconds, whatever its count. */
  async block(rule: string, key: string, seconds: number): Promise<Done> {
    return this.#command("PUT", pathOf("blocks", rule, key), { seconds });
  }

  /** Ends a block. */
  async unblock(rule: string, key: string): Promise<Done> {
    return this.#command("DELETE", pathOf("blocks", rule, key));
  }

  async #decide(path: string, request: LimitRequest): Promise<Outcome> {
    const answer = await this.#send("POST", path, asked(request));
    return answer.kind === "failed" ? answer : outcomeOf(answer.json);
  }

  async #command(method: string, path: string | Failed, body?: object): Promise<Done> {
    if (typeof path !== "string") return path;
    const answer = await this.#send(method, path, body);
    return answer.kind === "failed" ? answer : { kind: "done" };
  }

  #send(method: string, path: string, body?: object): Promise<{ kind: "answer"; json: unknown } | Failed> {
    return exchange({
      fetch: this.#fetch,
      url: this.#base + path,
      token: this.#token,
      timeoutMs: this.#timeoutMs,
      method,
      body,
    });
  }
}

/** Only what the API knows: it refuses a field that it does not. */
const asked = ({ rule, key, cost = 1, plan }: LimitRequest): object => ({ rule, key, cost, plan });

/** A path that says this rule and this key; a failure where a URL cannot: it has dots resolved, even encoded ones. */
function pathOf(kind: string, rule: string, key: string): string | Failed {
  for (const part of [rule, key])
    if (part === "" || part === "." || part === "..")
      return failed("bad-request", `no path can name ${JSON.stringify(part)}`);
  try {
    return `/v1/${kind}/${encodeURIComponent(rule)}/${encodeURIComponent(key)}`;
  } catch {
    return failed("bad-request", "half of a surrogate pair cannot be sent");
  }
}
