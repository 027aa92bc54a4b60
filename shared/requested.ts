/** What a request is counted as under each rule that covers it: by which key, and at which cost. */
import { ClientAddress } from "./address.ts";
import { type KeyMessage, UNKNOWN_ADDRESS } from "./key.ts";
import { type KeyPart, partOf, partText, readKeyPart } from "./key-parts.ts";
import type { Rule } from "./rule.ts";
import type { Traits } from "./traits.ts";

/** What is charged for a request under a rule, by the rule's index. */
export interface Charged {
  /** What is counted by. It may be overwritten once the request is decided. */
  keyOf(ruleIndex: number): KeyMessage;
  /** How much it counts as. */
  costOf(ruleIndex: number): number;
}

/** A request that can be counted, and told of. */
export interface Countable extends Charged {
  /** The key for people. */
  textOf(ruleIndex: number): string;
  /** The same, for as long as it is needed. */
  copy(): Countable;
}

/** A request that somebody names the key of, under one rule. */
export const named = (key: KeyMessage, text: string, cost: number): Countable => {
  const countable: Countable = {
    keyOf: () => key,
    costOf: () => cost,
    textOf: () => text,
    copy: () => countable,
  };
  return countable;
};

/** A key that is said from outside instead of read from a request. It is told apart from all that are read. */
export const customKey = (key: string): string => `key=${escaped(key)}`;

/** A rule, prepared for reading keys and costs from many requests. */
export class Counting {
  readonly #rule: Rule;
  readonly #parts: readonly KeyPart[];
  /** The client's address is all that is counted by. */
  readonly isPlain: boolean;
  /** What a request costs, if that is always the same. */
  readonly cost: number | undefined;

  constructor(rule: Rule) {
    this.#rule = rule;
    this.#parts = rule.key.map(readKeyPart).filter((part) => part !== undefined);
    this.isPlain = rule.key.length === 1 && rule.key[0] === "ip";
    this.cost = rule.costBy === undefined ? rule.cost : undefined;
  }

  /** Whether a request lacks a part. A client without an address is not without a part: all of them count as one. */
  lacks(traits: Traits): boolean {
    return this.#parts.some((part) => part.kind !== "ip" && partOf(part, traits) === undefined);
  }

  keyOf(traits: Traits, client: ClientAddress): KeyMessage {
    return this.isPlain || this.lacks(traits)
      ? client.under(this.#rule.ipv6Prefix)
      : this.#text(traits, client);
  }

  /** The key for people: `ip=203.0.113.9`, `header:x-api-key=k1&path=/a`. */
  textOf(traits: Traits, client: ClientAddress): string {
    return this.isPlain || this.lacks(traits) ? `ip=${this.#addressOf(client)}` : this.#text(traits, client);
  }

  costOf(traits: Traits): number {
    const { cost, costBy } = this.#rule;
    if (costBy === undefined) return cost;
    const said = traits.header(costBy.header);
    // Whatever is no whole number from 1 on costs what a request does that says nothing: nobody pays less.
    if (said === undefined || !/^\d+$/.test(said)) return cost;
    return Math.min(costBy.max, Math.max(cost, Number(said)));
  }

  /**
   * What a key said from outside is counted by: an address under a rule on addresses, as its requests are, or else a
   * key of its own. `undefined` for the empty text.
   */
  keyNamed(text: string): { readonly key: KeyMessage; readonly text: string } | undefined {
    if (text === "") return undefined;
    const client = new ClientAddress().read(text.startsWith("ip=") ? text.slice(3) : text);
    if (this.isPlain && client.bytes > 0)
      return { key: client.under(this.#rule.ipv6Prefix), text: `ip=${this.#addressOf(client)}` };
    if (this.#isReadable(text)) return { key: text, text };
    return { key: customKey(text), text: customKey(text) };
  }

  /** Whether a text could be what `textOf` says of a request: then it is what that counts by. */
  #isReadable(text: string): boolean {
    if (this.isPlain) return false;
    const said = text.split("&");
    return (
      said.length === this.#parts.length &&
      this.#parts.every((part, at) => said[at]?.startsWith(`${partText(part)}=`) === true)
    );
  }

  #text(traits: Traits, client: ClientAddress): string {
    let text = "";
    for (const part of this.#parts) {
      const value = part.kind === "ip" ? this.#addressOf(client) : (partOf(part, traits) ?? "");
      text += `${text === "" ? "" : "&"}${partText(part)}=${escaped(value)}`;
    }
    return text;
  }

  #addressOf = (client: ClientAddress): string => client.textUnder(this.#rule.ipv6Prefix) ?? UNKNOWN_ADDRESS;
}

/** No value can pass for the end of one and the beginning of the next part; and none moves a cursor. */
const escaped = (value: string): string =>
  value.replace(
    /[%&\p{Cc}\p{Cs}]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );

/** A request, read as it is needed. One is reused for all that are decided at once. */
export class Requested implements Countable {
  readonly client = new ClientAddress();
  readonly #countings: readonly Counting[];
  #traits: Traits | undefined;
  #cost = 1;
  #custom: ((ruleIndex: number) => string | undefined) | undefined;

  constructor(countings: readonly Counting[]) {
    this.#countings = countings;
  }

  /**
   * @param cost how many requests it counts as
   * @param custom a key to count by under a rule instead of what its `key` says
   */
  read(traits: Traits, cost: number, custom?: (ruleIndex: number) => string | undefined): this {
    this.#traits = traits;
    this.#cost = cost;
    this.#custom = custom;
    this.client.read(traits.client);
    return this;
  }

  /** The same, kept while this one reads others. */
  copy(): Requested {
    const copy = new Requested(this.#countings);
    if (this.#traits !== undefined) copy.read(this.#traits, this.#cost, this.#custom);
    return copy;
  }

  keyOf(ruleIndex: number): KeyMessage {
    const counting = this.#countings[ruleIndex] as Counting;
    const own = this.#custom?.(ruleIndex);
    if (own !== undefined) return customKey(own);
    return counting.keyOf(this.#traits as Traits, this.client);
  }

  textOf(ruleIndex: number): string {
    const own = this.#custom?.(ruleIndex);
    if (own !== undefined) return customKey(own);
    return (this.#countings[ruleIndex] as Counting).textOf(this.#traits as Traits, this.client);
  }

  costOf(ruleIndex: number): number {
    const counting = this.#countings[ruleIndex] as Counting;
    return (counting.cost ?? counting.costOf(this.#traits as Traits)) * this.#cost;
  }
}
