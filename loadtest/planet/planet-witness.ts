/** Watches the messages of a planet run: what owners say, and when sources hear of it. */
import type { Announcement, Answer, Ask, KeyHash, Verdicts } from "../../shared/protocol/messages.ts";
import type { BlockWatch } from "./block-watch.ts";
import type { Isolate } from "./isolate.ts";
import type { Incarnation, OwnerHost } from "./owner-host.ts";
import type { PlanetKeys } from "./planet-keys.ts";
import { Witness } from "./witness.ts";

export class PlanetWitness extends Witness {
  /** Accounts that owners opened. */
  opened = 0;
  /** Keys × windows in which an owner was asked. */
  claims = 0;
  /** Announcements that sources took from frames, and those that say no more than that a key is claimed. */
  heard = 0;
  heardClaims = 0;
  readonly #keys: PlanetKeys;
  readonly #blocks: BlockWatch;
  /** By key: the last window in which its owner was asked. */
  readonly #askedIn: Int32Array;

  constructor(keys: PlanetKeys, blocks: BlockWatch) {
    super();
    this.#keys = keys;
    this.#blocks = blocks;
    this.#askedIn = new Int32Array(keys.size).fill(-1);
  }

  override asking(_host: OwnerHost, { accounts }: Incarnation, asks: readonly Ask[]): void {
    // Rows were loaded just before: what is still missing has none.
    this.opened += new Set(accounts.missing(asks)).size;
  }

  override taken(
    host: OwnerHost,
    _incarnation: Incarnation,
    asks: readonly Ask[],
    answers: readonly Answer[],
  ): void {
    for (const [index, ask] of asks.entries()) {
      const answer = answers[index];
      const key = this.#keys.withHash(ask.key);
      if (answer?.kind !== "granted" || key < 0) continue;
      const { window } = answer;
      if (window > (this.#askedIn[key] as number)) {
        this.#askedIn[key] = window;
        this.claims += 1;
      }
      if (!isBlock(answer)) continue;
      this.#blocks.said(key, window, answer, {
        now: host.world.agenda.now,
        ownerPlace: host.place,
        windowEnd: this.#keys.windowEnd(key, window),
      });
    }
  }

  override hears(isolate: Isolate, ask: Ask, answer: Answer): void {
    if (answer.kind !== "granted" || !isBlock(answer)) return;
    this.#hears(isolate, ask.key, answer, false);
  }

  override hearsNews(isolate: Isolate, news: Announcement): void {
    this.heard += 1;
    if (isBlock(news)) this.#hears(isolate, news.key, news, true);
    else this.heardClaims += 1;
  }

  #hears(isolate: Isolate, hash: KeyHash, verdicts: Verdicts, announced: boolean): void {
    const key = this.#keys.withHash(hash);
    if (key >= 0) this.#blocks.heard(key, isolate.number - 1, verdicts, isolate.world.agenda.now, announced);
  }
}

const isBlock = ({ fullUntil, penaltyUntil }: Verdicts): boolean =>
  fullUntil !== undefined || penaltyUntil !== undefined;
