/** What a request is counted as under each rule that covers it: by which key, and at which cost. */
import { ClientAddress } from "./address.ts";
import { type KeyMessage, UNKNOWN_ADDRESS } from "./key.ts";
import { canonicalValue, isTorn, type KeyPart, partOf, partText, readKeyPart } from "./key-parts.ts";
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

/** What the text of a key that is an address begins with. */
const IP = "ip=";
/** What stands in no text of a key: it is escaped there. */
const UNWRITTEN = /[\p{Cc}\p{Cs}]/u;

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

  /** Whether it lacks one because it has several: leaving a part out is a client's choice, and so is that. */
  isTorn(traits: Traits): boolean {
    return this.#parts.some((part) => isTorn(part, traits));
  }

  keyOf(traits: Traits, client: ClientAddress): KeyMessage {
    return this.isPlain || this.lacks(traits)
      ? client.under(this.#rule.ipv6Prefix)
      : this.#text(traits, client);
  }

  /** The key for people: `ip=203.0.113.9`, `header:x-api-key=k1&path=/a`. */
  textOf(traits: Traits, client: ClientAddress): string {
    return this.isPlain || this.lacks(traits) ? IP + this.#addressOf(client) : this.#text(traits, client);
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
   * What a key said from outside is counted by: a text as `textOf` writes it is the key that it is written of, as is
   * an address alone under a rule on addresses; anything else is a key of its own. `undefined` for the empty text.
   */
  keyNamed(text: string): { readonly key: KeyMessage; readonly text: string } | undefined {
    if (text === "") return undefined;
    // Under a rule on other parts, too: a request that lacks one of them is counted by its address.
    const isBare = this.isPlain && !text.startsWith(IP) && text !== UNKNOWN_ADDRESS;
    const client = this.#clientNamed(isBare ? IP + text : text);
    if (client !== undefined)
      return { key: client.under(this.#rule.ipv6Prefix), text: IP + this.#addressOf(client) };
    const named = this.#written(text) ?? customKey(text);
    return { key: named, text: named };
  }

  /** The client of `ip=203.0.113.9`, `ip=2001:db8::1`, `ip=2001:db8::/64` or `ip=unknown`; `undefined` for other texts. */
  #clientNamed(text: string): ClientAddress | undefined {
    if (!text.startsWith(IP)) return undefined;
    const said = text.slice(IP.length);
    const end = `/${this.#rule.ipv6Prefix}`;
    const isRange = said.endsWith(end);
    const client = new ClientAddress().read(isRange ? said.slice(0, -end.length) : said);
    if (said === UNKNOWN_ADDRESS) return client;
    return client.bytes === 0 || (isRange && client.bytes === 4) ? undefined : client;
  }

  /** A text that could be what `textOf` says of a request that lacks no part, its address in the one spelling. */
  #written(text: string): string | undefined {
    if (this.isPlain || UNWRITTEN.test(text)) return undefined;
    const said = text.split("&");
    if (said.length !== this.#parts.length) return undefined;
    const written = this.#parts.map((part, at) => {
      const one = said[at] ?? "";
      if (part.kind !== "ip") return writtenPart(part, one);
      const client = this.#clientNamed(one);
      return client && IP + this.#addressOf(client);
    });
    return written.includes(undefined) ? undefined : written.join("&");
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

/** What `escaped` made such a path or host of; neither has control characters. */
const unescaped = (value: string): string => value.replaceAll("%26", "&").replaceAll("%25", "%");

/** A part of a key's text, in the one spelling of paths and hosts; `undefined` when it is another part. */
function writtenPart(part: Exclude<KeyPart, { kind: "ip" }>, text: string): string | undefined {
  const name = `${partText(part)}=`;
  if (!text.startsWith(name)) return undefined;
  if (part.kind !== "path" && part.kind !== "host") return text;
  return name + escaped(canonicalValue(part, unescaped(text.slice(name.length))));
}

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
