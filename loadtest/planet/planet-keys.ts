/** The keys of a planet run: one for each client and rule, numbered without gaps, so that figures fit in typed arrays. */
import type { KeyHasher } from "../../shared/key.ts";
import type { KeyHash } from "../../shared/protocol/messages.ts";
import type { Rule } from "../../shared/rule.ts";
import type { Arrival } from "./request.ts";
import type { World } from "./world.ts";

export class PlanetKeys {
  readonly rules: readonly Rule[];
  /** How many there are. */
  readonly size: number;
  readonly #hashers: readonly KeyHasher[];
  readonly #arrivals: Arrival[] = [];
  /** Where each key's windows begin, ms after whole multiples of the window. */
  readonly #offsets: Float64Array;
  readonly #byHash = new Map<KeyHash, number>();

  /** @param clients how many; they have the numbers from 0 */
  constructor({ rules, hashers }: Pick<World, "rules" | "hashers">, clients: number) {
    this.rules = rules;
    this.#hashers = hashers;
    this.size = clients * rules.length;
    this.#offsets = new Float64Array(this.size);
    for (let client = 0; client < clients; client += 1) {
      const text = clientText(client);
      for (const [rule, { window, align }] of rules.entries()) {
        const key = this.keyOf(client, rule);
        const hasher = hashers[rule] as KeyHasher;
        this.#byHash.set(hasher.hash(text), key);
        this.#offsets[key] = align === "clock" ? 0 : (hasher.lo >>> 0) % window;
        this.#arrivals[key] = { client: text, rules: [rule], cost: 1 };
      }
    }
  }

  keyOf(client: number, rule: number): number {
    return client * this.rules.length + rule;
  }

  clientOf(key: number): number {
    return Math.floor(key / this.rules.length);
  }

  ruleOf(key: number): Rule {
    return this.rules[key % this.rules.length] as Rule;
  }

  /** The same request each time. */
  arrivalOf(key: number): Arrival {
    return this.#arrivals[key] as Arrival;
  }

  /** The key that owners know by this hash; −1 for none. */
  withHash(hash: KeyHash): number {
    return this.#byHash.get(hash) ?? -1;
  }

  /** The index of the key's window at `time`, ms. */
  windowAt(key: number, time: number): number {
    return Math.floor((time - (this.#offsets[key] as number)) / this.ruleOf(key).window);
  }

  /** When that window is over, ms. */
  windowEnd(key: number, window: number): number {
    return (window + 1) * this.ruleOf(key).window + (this.#offsets[key] as number);
  }

  /** Reads what the other methods will. The number has no meaning. */
  look(key: number): number {
    return (this.#offsets[key] as number) + this.arrivalOf(key).client.charCodeAt(0);
  }

  /** The hasher of the key's rule, with its tag in `hi` and `lo`. */
  tagged(key: number): KeyHasher {
    const hasher = this.#hashers[key % this.rules.length] as KeyHasher;
    hasher.tag(this.arrivalOf(key).client);
    return hasher;
  }
}

/** An address of a private network. */
const clientText = (client: number): string =>
  `ip=10.${(client >>> 16) & 0xff}.${(client >>> 8) & 0xff}.${client & 0xff}`;

/** Clients of a run: with two rules, a million take about 1 GB. */
export const CLIENTS_MAX = 1_000_000;
