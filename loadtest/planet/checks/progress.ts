/** Time goes on: nothing wakes itself over and over at one moment. */
import { Checker } from "./checker.ts";

/** More than this does not happen at one moment: a few hundred requests, each with some messages. */
const STEPS_MAX = 5_000;

export class Progress extends Checker {
  readonly name = "progress";
  #now = 0;
  #steps = 0;

  override stepped(): void {
    const { now } = this.truth.world.agenda;
    this.#steps = now === this.#now ? this.#steps + 1 : 0;
    this.#now = now;
    if (this.#steps > STEPS_MAX) this.fail(`${STEPS_MAX} steps at one moment: somebody wakes himself`);
  }
}
