/** What every checker has: the truth, and a way to say that an invariant was broken. */
import type { Request } from "../request.ts";
import { Witness } from "../witness.ts";
import type { Truth } from "./truth.ts";

export interface Violation {
  readonly checker: string;
  readonly text: string;
  /** Virtual time since the start, ms. */
  readonly atMs: number;
}

export type Report = (checker: string, text: string) => void;

export abstract class Checker extends Witness {
  abstract readonly name: string;
  protected readonly truth: Truth;
  readonly #report: Report;

  constructor(truth: Truth, report: Report) {
    super();
    this.truth = truth;
    this.#report = report;
  }

  protected fail(text: string): void {
    this.#report(this.name, text);
  }

  /** Called once, when everything is mended and has come to rest. */
  atRest(): void {}

  /** Called once, when nobody has come for so long that everybody must have been forgotten. */
  afterQuiet(): void {}

  /** Called once, after that, with requests of clients who came back, one each. */
  returned(_requests: readonly Request[]): void {}
}
