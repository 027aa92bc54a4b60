/** A site's own functions, called so that what they do wrong costs the site nothing but a line in the log. */
import { quote } from "../shared/quote.ts";
import type { Rule } from "../shared/rule.ts";
import type { Asked } from "./limiter.ts";
import type { Denied, Options } from "./options.ts";

/** A candidate counts by what the rule beside it does. */
const writtenName = ({ name, isCandidate }: Rule): string =>
  isCandidate ? name.slice(0, name.lastIndexOf(".")) : name;

export class Callbacks<Env> {
  readonly #options: Options<Env>;
  /** Functions that were logged. One that fails may do so on every request. */
  readonly #reported = new Set<string>();

  constructor(options: Options<Env>) {
    this.#options = options;
  }

  skips(request: Request): boolean {
    const { skip } = this.#options;
    if (skip === undefined) return false;
    // A promise is truthy: taken for true, an async function would let everything pass.
    return this.#call("skip", "a boolean", isBoolean, () => skip(request)) ?? false;
  }

  /** What the functions say of a request; `undefined` where there are none. */
  asked(request: Request, rules: readonly Rule[]): Asked | undefined {
    const { keyOf, costOf } = this.#options;
    if (keyOf === undefined && costOf === undefined) return undefined;
    const cost = costOf && this.#call("costOf", "a whole number from 1 on", isCost, () => costOf(request));
    return { cost, keyOf: keyOf && this.#keys(rules, (ruleName) => keyOf(request, ruleName)) };
  }

  /** The site's answer to a denied request: `undefined` if there is no `onDenied`, or if it gives none. */
  answer(
    denied: Denied,
    request: Request,
    env: Env,
    ctx: ExecutionContext,
  ): Promise<Response | undefined> | undefined {
    const { onDenied } = this.#options;
    return onDenied && this.#answer(async () => onDenied(denied, request, env, ctx));
  }

  async #answer(onDenied: () => Promise<unknown>): Promise<Response | undefined> {
    try {
      const answer = await onDenied();
      if (answer instanceof Response) return answer;
      this.#report("onDenied", `returned ${quote(answer)}, not a Response`);
    } catch (error) {
      this.#report("onDenied", `threw ${String(error)}`);
    }
    return undefined;
  }

  /** Each rule's key is asked for once: a decision reads it more often, and must not read two. */
  #keys(
    rules: readonly Rule[],
    keyOf: (ruleName: string) => string | undefined,
  ): (ruleIndex: number) => string | undefined {
    const known = new Map<number, string | undefined>();
    return (ruleIndex) => {
      if (known.has(ruleIndex)) return known.get(ruleIndex);
      const name = writtenName(rules[ruleIndex] as Rule);
      const key = this.#call("keyOf", "a text or undefined", isKey, () => keyOf(name)) || undefined;
      known.set(ruleIndex, key);
      return key;
    };
  }

  /** What a function returns; `undefined` when it throws or returns something else. */
  #call<T>(
    name: string,
    wanted: string,
    is: (value: unknown) => value is T,
    callback: () => unknown,
  ): T | undefined {
    let result: unknown;
    try {
      result = callback();
    } catch (error) {
      this.#report(name, `threw ${String(error)}`);
      return undefined;
    }
    if (is(result)) return result;
    // Nobody else would hear of its rejection.
    if (result instanceof Promise) result.catch(() => undefined);
    this.#report(name, `returned ${result instanceof Promise ? "a promise" : quote(result)}, not ${wanted}`);
    return undefined;
  }

  #report(callback: string, problem: string): void {
    if (this.#reported.has(callback)) return;
    this.#reported.add(callback);
    console.error(JSON.stringify({ event: "callback-fault", callback, problem }));
  }
}

const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";

const isCost = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 1;

const isKey = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === "string";
