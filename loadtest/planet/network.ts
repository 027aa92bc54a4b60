/**
 * The network between isolates, owners and hubs: distances, and what goes wrong on the way. Links are those
 * of the local cluster: each POP to all owners, and to its hub. A way is one direction of a link.
 */
import type { Random } from "../tools/random.ts";
import type { Agenda } from "./agenda.ts";
import type { Tally } from "./faults.ts";

/** One direction of a link; shared by all messages that go that way. */
export interface Way {
  cut: boolean;
  /** Added to each message's time, ms. */
  delayMs: number;
  /** Calls that go this way are refused by an overloaded owner. */
  overloaded: boolean;
}

export const openWay = (): Way => ({ cut: false, delayMs: 0, overloaded: false });

/** How often a message meets each misfortune: probabilities. */
export interface Weather {
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  readonly delay: number;
}

export const FAIR: Weather = { loss: 0, duplicate: 0, reorder: 0, delay: 0 };

/** How far a message falls behind at most when it is overtaken, and in a spike, ms. */
const REORDER_MS = 60;
const SPIKE_MS = 3_000;

export class Network {
  weather: Weather = FAIR;
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #tally: Tally;

  constructor(agenda: Agenda, random: Random, tally: Tally) {
    this.#agenda = agenda;
    this.#random = random;
    this.#tally = tally;
  }

  /**
   * Carries a message. `arrive` happens once for each copy that comes through; `lost` at once if none does.
   * @param oneWayMs how long it takes on a quiet day
   */
  carry(way: Way, oneWayMs: number, arrive: () => void, lost: () => void = () => {}): void {
    const { loss, duplicate } = this.weather;
    if (way.cut) {
      lost();
      return;
    }
    if (this.#happens(loss)) {
      this.#tally.faults.loss += 1;
      lost();
      return;
    }
    const once = (): void => {
      // What is under way when a link is cut is lost, too.
      if (way.cut) lost();
      else arrive();
    };
    this.#agenda.after(oneWayMs + way.delayMs + this.#mishap(), once);
    if (!this.#happens(duplicate)) return;
    this.#tally.faults.duplicate += 1;
    this.#agenda.after(oneWayMs + way.delayMs + this.#random() * SPIKE_MS, () => {
      if (!way.cut) arrive();
    });
  }

  #mishap(): number {
    const { reorder, delay } = this.weather;
    let ms = 0;
    if (this.#happens(reorder)) {
      this.#tally.faults.reorder += 1;
      ms += this.#random() * REORDER_MS;
    }
    if (this.#happens(delay)) {
      this.#tally.faults.delay += 1;
      ms += this.#random() * SPIKE_MS;
    }
    return ms;
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#random() < probability;
  }
}
