/**
 * Bugs of this code's own that the simulator found, each with a seed that shows it. A bug that is brought back makes
 * its seed fail again.
 */
import { FAULT_NAMES } from "../../loadtest/planet/faults.ts";
import type { TrialOptions } from "../../loadtest/planet/trial.ts";
import type { Mutant } from "./mutants.ts";

export interface Regression extends Mutant {
  readonly seed: number;
}

/** The faults there were when these seeds were found: with one more that strikes, a seed plays another trial. No rule leased then. */
export const FAULTS_THEN = FAULT_NAMES.filter((name) => name !== "command");

/** What a regression's seed plays. */
export const trialOf = ({ seed }: Regression): TrialOptions => ({ seed, faults: FAULTS_THEN, ahead: "none" });

export const REGRESSIONS: readonly Regression[] = [
  {
    name: "a request that was put back waits all over again",
    seed: 23,
    edits: [
      {
        file: "shared/pop/outbox.ts",
        find: "if (waiter.carriedAt === NEVER) waiter.carriedAt = now;",
        replace: "waiter.carriedAt = now;",
      },
    ],
    caughtBy: ["waiters"],
  },
  {
    name: "a source that was refused never reports again",
    seed: 215,
    edits: [
      {
        file: "shared/pop/source.ts",
        find: "      hot.outbox.reportBy(after(now, REPORT_RETRY_MAX));\n",
        replace: "",
      },
    ],
    caughtBy: ["lost"],
  },
  {
    name: "what on_failure admitted turns into credit when it is handed back",
    seed: 7628,
    edits: [{ file: "shared/pop/entries.ts", find: "if (!hold.paid)", replace: "if (hold.cost < 0)" }],
    caughtBy: ["spending"],
  },
  {
    name: "a request takes its hold from an entry that was pushed out and came back",
    seed: 683,
    edits: [
      {
        file: "shared/pop/entries.ts",
        find: "return this.table.get(slot, BIRTH) === birth && this.table.isTaken(slot);",
        replace: "return birth >= 0 && this.table.isTaken(slot);",
      },
    ],
    caughtBy: ["assertion"],
  },
  {
    name: "an answer of the window before tells of a claim, and silent credit stays",
    seed: 384,
    edits: [
      {
        file: "shared/pop/source.ts",
        find: "if (this.#claimed(hot, claimedUntil)) outbox.reportBy(now);",
        replace:
          "if (answer.window === this.window(slot) && this.#claimed(hot, claimedUntil)) outbox.reportBy(now);",
      },
    ],
    caughtBy: ["silent"],
  },
  {
    name: "an answer that comes late tells of a claim, and silent credit stays",
    seed: 124,
    edits: [
      {
        file: "shared/pop/source.ts",
        find: "if (this.#claimed(hot, claimedUntil)) outbox.reportBy(now);",
        replace: "if (sentAt !== NEVER && this.#claimed(hot, claimedUntil)) outbox.reportBy(now);",
      },
    ],
    caughtBy: ["silent"],
  },
  {
    name: "an owner that is ahead brings an entry past its set's floor",
    seed: 12358,
    edits: [
      {
        file: "shared/pop/entries.ts",
        find: "    const silent = this.#silentCredit(slot, now);\n",
        replace: "    const silent = this.ruleAt(slot).threshold - 1;\n",
      },
    ],
    caughtBy: ["spending"],
  },
  {
    name: "leaders whose time is over wake one another for ever",
    seed: 4,
    edits: [
      {
        file: "shared/pop/leader.ts",
        find: "return outbox.mayDepart(now) ? outbox.queue : [];",
        replace: "return outbox.queue;",
      },
    ],
    caughtBy: ["progress"],
  },
  {
    name: "a claim by an owner that was forgotten is not believed, as its epoch is low again",
    seed: 61506,
    edits: [
      {
        file: "shared/pop/source.ts",
        find: "    if (hot === undefined) return undefined;\n    if (compare(hot.view, news) > 0) {",
        replace:
          "    if (hot === undefined || compare(hot.view, news) <= 0) return undefined;\n    if (hot.slot >= 0) {",
      },
    ],
    caughtBy: ["silent"],
  },
];
