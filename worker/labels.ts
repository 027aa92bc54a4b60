/**
 * The readable keys of an isolate's entries, only where `KEY_DISPLAY` shows them. An entry stays where it is long
 * after its client has gone; its label must not, or labels would outgrow the table.
 */
import { LABELS_SWEEP_MIN } from "../shared/limits.ts";

export class Labels {
  readonly #bySlot = new Map<number, string>();
  readonly #isOver: (slot: number) => boolean;
  #sweepAt = LABELS_SWEEP_MIN;

  /** @param isOver whether nobody is shown the entry of that slot any more */
  constructor(isOver: (slot: number) => boolean) {
    this.#isOver = isOver;
  }

  get(slot: number): string | undefined {
    return this.#bySlot.get(slot);
  }

  set(slot: number, label: string): void {
    this.#bySlot.set(slot, label);
    if (this.#bySlot.size >= this.#sweepAt) this.#sweep();
  }

  /** Once for as many as were left the last time: labels of the past are never more than those of the present. */
  #sweep(): void {
    for (const slot of this.#bySlot.keys()) if (this.#isOver(slot)) this.#bySlot.delete(slot);
    this.#sweepAt = Math.max(LABELS_SWEEP_MIN, 2 * this.#bySlot.size);
  }

  get size(): number {
    return this.#bySlot.size;
  }
}
