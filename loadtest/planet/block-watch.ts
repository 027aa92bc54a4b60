/**
 * Block skew: how long it takes until a block holds everywhere.
 *
 * A block begins at the moment an owner first says in an answer that the key is full or barred, in that window of
 * the key's. It holds at a source from the moment that source hears of it, by an answer or an announcement of that
 * version or a newer one: from then on it denies without I/O. Counted are the sources that got a request of the
 * client in that window, before or after. The skew is that of the last of them. A penalty that goes on in the next
 * window is no new block.
 */
import type { Verdicts } from "../../shared/protocol/messages.ts";

/** A block that holds at all sources that count. */
export interface HeldBlock {
  readonly key: number;
  readonly skewMs: number;
  /** The same, of those that listened to their hub when the block began; undefined if none did. */
  readonly listeningSkewMs: number | undefined;
  /** The last source, and how it heard. */
  readonly isolate: number;
  readonly announced: boolean;
  /** Index of the place where the owner stands. */
  readonly ownerPlace: number;
  /** Those that heard. */
  readonly heardBy: readonly number[];
  /** Sources that got a request, but heard nothing. */
  readonly unheard: number;
}

interface Block {
  readonly key: number;
  readonly window: number;
  readonly since: number;
  readonly epoch: number;
  readonly version: number;
  readonly penaltyUntil: number | undefined;
  readonly ownerPlace: number;
  /** What is heard later is no longer noted. */
  readonly until: number;
  /** The isolates that listened to their hub when it began. */
  readonly listening: ReadonlySet<number>;
  /** By isolate: when it heard, NaN for not yet; negative if by an answer. Undefined once the block is counted. */
  heardAt: Float64Array | undefined;
}

/** Whoever has not heard so long after the window's end is counted as not having heard. */
export const HEARING_MS = 5_000;

export class BlockWatch {
  readonly #isolates: number;
  readonly #listening: () => ReadonlySet<number>;
  readonly #seenBy: (key: number, window: number) => readonly number[];
  readonly #held: (block: HeldBlock) => void;
  /** The newest block of each key. */
  readonly #blocks = new Map<number, Block>();
  readonly #open = new Set<Block>();
  readonly #free: Float64Array[] = [];

  /**
   * @param isolates how many there are; they have the numbers from 0
   * @param listening those that listen to their hub at this moment
   */
  constructor(
    isolates: number,
    listening: () => ReadonlySet<number>,
    seenBy: (key: number, window: number) => readonly number[],
    held: (block: HeldBlock) => void,
  ) {
    this.#isolates = isolates;
    this.#listening = listening;
    this.#seenBy = seenBy;
    this.#held = held;
  }

  /** An owner says in an answer of that window that the key is full or barred. */
  said(
    key: number,
    window: number,
    verdicts: Verdicts,
    at: { readonly now: number; readonly ownerPlace: number; readonly windowEnd: number },
  ): void {
    const last = this.#blocks.get(key);
    if (last?.window === window) return;
    if (last?.penaltyUntil !== undefined && last.penaltyUntil === verdicts.penaltyUntil) return;
    if (last !== undefined) this.#close(last, this.#seenBy(key, last.window));
    const block: Block = {
      key,
      window,
      since: at.now,
      epoch: verdicts.epoch,
      version: verdicts.version,
      penaltyUntil: verdicts.penaltyUntil,
      ownerPlace: at.ownerPlace,
      until: at.windowEnd + HEARING_MS,
      listening: this.#listening(),
      heardAt: (this.#free.pop() ?? new Float64Array(this.#isolates)).fill(Number.NaN),
    };
    this.#blocks.set(key, block);
    this.#open.add(block);
  }

  /** A source hears that a key is full or barred. */
  heard(key: number, isolate: number, verdicts: Verdicts, now: number, announced: boolean): void {
    const block = this.#blocks.get(key);
    if (block?.heardAt === undefined || now > block.until) return;
    if (verdicts.epoch < block.epoch) return;
    if (verdicts.epoch === block.epoch && verdicts.version < block.version) return;
    if (Number.isNaN(block.heardAt[isolate])) block.heardAt[isolate] = announced ? now : -now;
  }

  /** The book is about to forget who saw the client in that window. */
  forget(key: number, window: number, seenBy: readonly number[]): void {
    const block = this.#blocks.get(key);
    if (block?.window === window) this.#close(block, seenBy);
  }

  /** Counts the blocks of which nothing more is to be heard. */
  sweep(now: number): void {
    for (const block of this.#open)
      if (now > block.until) this.#close(block, this.#seenBy(block.key, block.window));
  }

  #close(block: Block, seenBy: readonly number[]): void {
    const { heardAt, since, key, ownerPlace, listening } = block;
    if (heardAt === undefined) return;
    block.heardAt = undefined;
    this.#open.delete(block);
    this.#free.push(heardAt);
    const heardBy = seenBy.filter((isolate) => !Number.isNaN(heardAt[isolate]));
    const timeOf = (isolate: number): number => Math.abs(heardAt[isolate] as number);
    const lastOf = (isolates: readonly number[]): number | undefined => {
      let last = isolates[0];
      for (const isolate of isolates) if (timeOf(isolate) > timeOf(last as number)) last = isolate;
      return last;
    };
    const last = lastOf(heardBy);
    if (last === undefined) return;
    const lastListening = lastOf(heardBy.filter((isolate) => listening.has(isolate)));
    this.#held({
      key,
      skewMs: timeOf(last) - since,
      listeningSkewMs: lastListening === undefined ? undefined : timeOf(lastListening) - since,
      isolate: last,
      announced: (heardAt[last] as number) > 0,
      ownerPlace,
      heardBy,
      unheard: seenBy.length - heardBy.length,
    });
  }
}
