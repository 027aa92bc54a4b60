/** All checkers of a world, as one witness. */
import type { Request } from "../request.ts";
import { Witness } from "../witness.ts";
import type { World } from "../world.ts";
import { Bound, BucketBound, Exact, Local } from "./bound.ts";
import type { Checker, Violation } from "./checker.ts";
import { Deadline, Denials, Overcount, Penalties } from "./denials.ts";
import { Barred, Released, Silent } from "./hearing.ts";
import { Leases } from "./leases.ts";
import { Count, Durable } from "./ownership.ts";
import { Progress } from "./progress.ts";
import { Memory, Returned } from "./quiet.ts";
import { Lost, Waiters } from "./rest.ts";
import { Spending } from "./spending.ts";
import { Truth } from "./truth.ts";

/** Passes everything on to several witnesses, in order. */
export class Chorus extends Witness {
  readonly #all: readonly Witness[];

  constructor(all: readonly Witness[]) {
    super();
    this.#all = all;
  }

  override arrived(...said: Parameters<Witness["arrived"]>): void {
    for (const one of this.#all) one.arrived(...said);
  }
  override decided(...said: Parameters<Witness["decided"]>): void {
    for (const one of this.#all) one.decided(...said);
  }
  override sent(...said: Parameters<Witness["sent"]>): void {
    for (const one of this.#all) one.sent(...said);
  }
  override asking(...said: Parameters<Witness["asking"]>): void {
    for (const one of this.#all) one.asking(...said);
  }
  override taken(...said: Parameters<Witness["taken"]>): void {
    for (const one of this.#all) one.taken(...said);
  }
  override commanding(...said: Parameters<Witness["commanding"]>): void {
    for (const one of this.#all) one.commanding(...said);
  }
  override commanded(...said: Parameters<Witness["commanded"]>): void {
    for (const one of this.#all) one.commanded(...said);
  }
  override acknowledges(...said: Parameters<Witness["acknowledges"]>): void {
    for (const one of this.#all) one.acknowledges(...said);
  }
  override loaded(...said: Parameters<Witness["loaded"]>): void {
    for (const one of this.#all) one.loaded(...said);
  }
  override stored(...said: Parameters<Witness["stored"]>): void {
    for (const one of this.#all) one.stored(...said);
  }
  override answers(...said: Parameters<Witness["answers"]>): void {
    for (const one of this.#all) one.answers(...said);
  }
  override hears(...said: Parameters<Witness["hears"]>): void {
    for (const one of this.#all) one.hears(...said);
  }
  override hearsNews(...said: Parameters<Witness["hearsNews"]>): void {
    for (const one of this.#all) one.hearsNews(...said);
  }
  override note(...said: Parameters<Witness["note"]>): void {
    for (const one of this.#all) one.note(...said);
  }
  override stepped(): void {
    for (const one of this.#all) one.stepped();
  }
}

export class Checks extends Chorus {
  readonly violations: Violation[];
  readonly truth: Truth;
  readonly #checkers: readonly Checker[];

  /** @param nothingFails whether the run has no fault that may cost accuracy */
  constructor(world: World, start: number, nothingFails: boolean) {
    const violations: Violation[] = [];
    const report = (checker: string, text: string): void => {
      violations.push({ checker, text, atMs: world.agenda.now - start });
    };
    const truth = new Truth(world);
    const checkers = [
      new Bound(truth, report),
      new Exact(truth, report),
      new Local(truth, report),
      new BucketBound(truth, report),
      new Spending(truth, report),
      new Count(truth, report),
      new Durable(truth, report),
      new Silent(truth, report),
      new Barred(truth, report),
      new Released(truth, report),
      new Denials(truth, report),
      new Penalties(truth, report),
      new Leases(truth, report),
      new Lost(truth, report),
      new Waiters(truth, report),
      new Progress(truth, report),
      new Memory(truth, report),
      new Returned(truth, report),
      ...(nothingFails ? [new Overcount(truth, report), new Deadline(truth, report)] : []),
    ];
    super([truth, ...checkers]);
    this.violations = violations;
    this.truth = truth;
    this.#checkers = checkers;
  }

  /** What is checked. */
  get names(): readonly string[] {
    return this.#checkers.map(({ name }) => name);
  }

  atRest(): void {
    for (const checker of this.#checkers) checker.atRest();
  }

  afterQuiet(): void {
    for (const checker of this.#checkers) checker.afterQuiet();
  }

  returned(requests: readonly Request[]): void {
    for (const checker of this.#checkers) checker.returned(requests);
  }
}
