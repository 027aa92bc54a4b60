/**
 * Bugs to plant: each is a change of the production core (or, where the bug is a shell's, of the simulator's shell)
 * that a rule of the protocol forbids, with the checker that has to catch it. `trace` quotes the protocol's
 * table of traces.
 */
import { AHEAD_MUTANTS } from "./mutants-ahead.ts";

export interface Edit {
  /** From the project's root. */
  readonly file: string;
  /** Found exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  readonly trace?: string;
  readonly edits: readonly Edit[];
  /** The checkers that may be the first to see it. */
  readonly caughtBy: readonly string[];
  /** Faults of the trials; all unless given. */
  readonly faults?: string;
  /** Whether the trials' rules lease and have grace; half of them unless given. */
  readonly ahead?: "none";
  /** Whether each trial has one rule, a strict one; no rule is strict unless given. */
  readonly strict?: "all";
}

const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

/** So few sources and so short lives that small trials fold; the control below shows that this alone breaks nothing. */
const FOLDING_EARLY: readonly Edit[] = [
  edit("shared/limits.ts", "export const SOURCES_MAX = 512;", "export const SOURCES_MAX = 1;"),
  edit(
    "shared/limits.ts",
    "export const MESSAGE_LIFE_MAX: DurationMs = durationMs(60_000);",
    "export const MESSAGE_LIFE_MAX: DurationMs = durationMs(500);",
  ),
];

export const MUTANTS: readonly Mutant[] = [
  {
    name: "the short way does not look at owners",
    edits: [edit("shared/pop/entries.ts", "      this.table.hotOf(slot) < 0 &&\n", "")],
    caughtBy: ["barred"],
  },
  {
    name: "the short way forgets to count",
    edits: [edit("shared/pop/entries.ts", "this.add(slot, OWN, cost);", "this.add(slot, OWN, 0);")],
    caughtBy: ["spending"],
  },
  {
    name: "grants are not written ahead",
    trace: "write-ahead",
    edits: [
      edit(
        "shared/owner/account.ts",
        "const store = changed || penalised || account.epochUnwritten;",
        "const store = account.epochUnwritten;",
      ),
    ],
    caughtBy: ["durable"],
  },
  {
    name: "the answer leaves before the write",
    trace: "write-ahead",
    edits: [
      edit(
        "loadtest/planet/owner-host.ts",
        "const leave = (): void => {",
        "say();\n    const leave = (): void => {",
      ),
    ],
    caughtBy: ["durable"],
  },
  {
    name: "an entry that was pushed out comes back under its old id",
    trace: "retry = same bytes, id with a life",
    edits: [edit("shared/pop/entries.ts", "this.#lives += 1;", "this.#lives = 1;")],
    caughtBy: ["bound", "exact", "spending"],
  },
  {
    name: "a retry counts twice",
    trace: "retry = same bytes, id with a life",
    edits: [
      edit(
        "shared/owner/account.ts",
        "    granted = before;\n",
        "    granted = before + grant(account, message.want, now).cost;\n    changed = granted > before;\n" +
          "    (account.ledger.sources.get(message.source) as { granted: number }).granted = granted;\n",
      ),
    ],
    caughtBy: ["overcount", "spending"],
  },
  {
    name: "what was counted is charged again with every Ask",
    edits: [
      edit(
        "shared/owner/ledger.ts",
        "const delta = spend(source, ask.spent);",
        "spend(source, ask.spent);\n  const delta = ask.spent;",
      ),
    ],
    caughtBy: ["count"],
  },
  {
    name: "a cost is granted in part",
    trace: "costs as a list, granted whole",
    edits: [
      edit(
        "shared/owner/account.ts",
        "      denied = true;\n      if (wanted",
        "      denied = true;\n      cost += Math.max(0, left);\n      left = 0;\n      if (wanted",
      ),
    ],
    caughtBy: ["denials", "overcount"],
  },
  {
    name: "an answer counts in whatever window its source is by then",
    trace: "an Answer names its window",
    edits: [
      edit(
        "shared/pop/source.ts",
        "const age = (this.window(slot) - answer.window) | 0;",
        "const age: number = 0;",
      ),
    ],
    caughtBy: ["bound", "exact", "spending", "silent", "assertion"],
  },
  {
    name: "older news overwrites newer",
    trace: "version join",
    edits: [
      edit("shared/pop/view.ts", "  if (compare(view, news) < 0) return;\n", ""),
      edit("shared/pop/source.ts", "if (compare(hot.view, news) > 0) {", "if (hot.slot >= 0) {"),
    ],
    caughtBy: ["barred", "released"],
  },
  {
    name: "an answer that was sent before a block lifts it",
    trace: "version join",
    edits: [edit("shared/pop/view.ts", "  if (compare(view, news) < 0) return;\n", "")],
    ahead: "none",
    faults: "reorder,delay,command",
    caughtBy: ["barred", "released"],
  },
  {
    name: "a reset forgets what each source was granted, and charges it again",
    trace: "zero on reset",
    edits: [
      edit(
        "shared/owner/ledger.ts",
        "    source.zero = source.granted;\n    source.previousZero = source.previous;\n",
        "    source.granted = 0;\n    source.previous = 0;\n",
      ),
    ],
    caughtBy: ["count"],
  },
  {
    name: "what was granted before a reset is handed back out of the count since",
    trace: "zero on reset",
    edits: [
      edit(
        "shared/owner/ledger.ts",
        "const delta = spent - zero - (source.granted - source.zero);",
        "const delta = spent - source.granted;",
      ),
    ],
    caughtBy: ["count"],
  },
  {
    name: "a command is in no row when it is acknowledged",
    trace: "write-ahead",
    edits: [edit("shared/owner/admin.ts", "store: true, announcement", "store: false, announcement")],
    caughtBy: ["durable"],
  },
  {
    name: "a release that holds nothing is not heard",
    edits: [edit("shared/pop/source.ts", "(until <= now && news.released !== true)", "until <= now")],
    caughtBy: ["released"],
  },
  {
    name: "a block is believed without hearing it again",
    trace: "BLOCK_TRUST",
    edits: [edit("shared/pop/view.ts", "until > now && view.trustedUntil > now", "until > now")],
    caughtBy: ["released"],
  },
  {
    name: "a folded source that comes back is counted twice",
    trace: "counted",
    edits: [
      ...FOLDING_EARLY,
      edit("shared/owner/ledger.ts", "const moved = Math.min(ask.counted, ledger.base);", "const moved = 0;"),
    ],
    caughtBy: ["overcount"],
    faults: "none",
  },
  {
    name: "what another rule denied is not handed back",
    trace: "hand-back",
    edits: [
      edit(
        "shared/pop/entries.ts",
        "    hot.outbox.reportBy(now);\n    return hot;\n",
        "    return undefined;\n",
      ),
    ],
    ahead: "none",
    caughtBy: ["overcount"],
  },
  {
    name: "a deadline runs from the arrival of the request",
    trace: "deadline from its own Ask",
    edits: [edit("shared/pop/outbox.ts", "later(waiter.queuedAt, waiter.carriedAt)", "waiter.queuedAt")],
    caughtBy: ["deadline"],
  },
  {
    name: "a count that was pushed out is forgotten",
    trace: "per-set floor in the credit table",
    edits: [
      edit(
        "shared/pop/credit-table.ts",
        "return (this.#floorUntil[set] ?? 0) > now ? (this.#floorCount[set] ?? 0) : 0;",
        "return set < 0 ? now : 0;",
      ),
    ],
    caughtBy: ["spending", "bound"],
  },
  {
    name: "the largest count that was pushed out is overwritten by a smaller one",
    trace: "per-set floor in the credit table",
    // It takes a flood of strangers, which few of the trials with all faults have for long enough.
    faults: "evict,loss,delay",
    edits: [
      edit(
        "shared/pop/credit-table.ts",
        "this.#floorCount[set] = standing ? Math.max(this.#floorCount[set] ?? 0, count) : count;",
        "this.#floorCount[set] = count;",
      ),
    ],
    caughtBy: ["spending", "bound"],
  },
  {
    name: "the time of the next room is rounded down",
    trace: "integer meters",
    edits: [
      edit(
        "shared/owner/meter/sliding-window.ts",
        "Math.max(0, Math.ceil((length * (count - most)) / count))",
        "Math.max(0, Math.floor((length * (count - most)) / count))",
      ),
    ],
    caughtBy: ["denials"],
  },
  {
    name: "a bucket's debt has no end",
    trace: "debt clamped at −L",
    edits: [
      edit(
        "shared/owner/meter/token-bucket.ts",
        "const most = (capacity(policy) + policy.limit) * length;",
        "const most = Number.MAX_SAFE_INTEGER;",
      ),
    ],
    caughtBy: ["count"],
  },
  {
    name: "an answer of an older owner is accepted",
    edits: [
      edit(
        "shared/pop/source.ts",
        "    if (older) return this.#putBack(hot, outbox.land(answer.seq));\n",
        "",
      ),
    ],
    ahead: "none",
    caughtBy: ["spending", "bound", "exact", "silent"],
  },
  {
    name: "a claim leaves silent credit",
    edits: [
      edit(
        "shared/pop/source.ts",
        "    this.table.cells[slot + CREDIT] = Math.min(\n      this.table.get(slot, CREDIT),\n" +
          "      this.spent(slot) + this.ruleAt(slot).grace,\n    );\n",
        "",
      ),
    ],
    caughtBy: ["silent"],
  },
  {
    name: "a block is remembered under the rule's name only",
    edits: [
      edit(
        "shared/pop/source.ts",
        "    if (hot === undefined) return false;\n    if (isBarred(hot.view, now)) return true;",
        `    for (const other of this.table.slots()) {
      const rival = this.hotAt(other);
      if (rival !== undefined && this.ruleAt(other) === this.ruleAt(slot) && isFull(rival.view, now)) return true;
    }
    if (hot === undefined) return false;
    if (isBarred(hot.view, now)) return true;`,
      ),
    ],
    caughtBy: ["released"],
  },
  {
    name: "windows go back with the clock",
    edits: [edit("shared/pop/entries.ts", "    if (ahead <= 0) return;\n", "    if (ahead === 0) return;\n")],
    caughtBy: ["spending", "bound", "exact", "silent", "assertion"],
  },
  {
    name: "who was decided otherwise stays in the queue",
    edits: [
      edit("shared/pop/outbox.ts", "    if (at >= 0) this.queue.splice(at, 1);\n", ""),
      edit("shared/pop/outbox.ts", "this.queue.splice(0, WANT_MAX)", "this.queue.slice(0, WANT_MAX)"),
    ],
    caughtBy: ["waiters"],
  },
  {
    name: "an isolate by itself admits without end",
    edits: [
      edit(
        "shared/pop/decide.ts",
        "const fits = source.spent(part.slot) + part.cost <= most;",
        "const fits = true;",
      ),
    ],
    caughtBy: ["local"],
  },
  {
    name: "what on_failure admitted is never told",
    edits: [
      edit(
        "shared/pop/decide.ts",
        "if (hot.outbox.reportAt === NEVER) hot.outbox.reportBy(after(now, REPORT_RETRY_MAX));\n    this.due.push(hot);",
        "if (hot.outbox.reportAt > after(now, REPORT_RETRY_MAX)) this.due.push(hot);",
      ),
      edit(
        "shared/pop/source.ts",
        "    else if (left === 0 && answer.granted !== this.spent(slot)) outbox.reportBy(now);\n",
        "",
      ),
    ],
    caughtBy: ["lost"],
  },
  {
    name: "a penalty is not believed",
    edits: [
      edit("shared/pop/view.ts", "trusted(view, view.penaltyUntil, now)", "trusted(view, NEVER, now)"),
      edit("shared/pop/source.ts", "hot !== undefined && hot.view.penaltyUntil > now;", "false;"),
    ],
    caughtBy: ["barred"],
  },
  {
    name: "one request too many is silent",
    edits: [
      edit(
        "shared/pop/entries.ts",
        "return Math.max(0, Math.min(this.thresholdAt(slot, now) - 1 + grace, unfloored));",
        "return Math.max(0, unfloored + 1);",
      ),
    ],
    caughtBy: ["spending", "exact", "bound"],
  },
  {
    name: "the limit is one more than it says",
    edits: [
      edit(
        "shared/owner/account.ts",
        "? 0 : room(quota, account.meter, now) - reserve;\n  let cost",
        "? 0 : room(quota, account.meter, now) - reserve + 1;\n  let cost",
      ),
    ],
    caughtBy: ["exact", "bound", "bucket-bound"],
  },
  {
    name: "a bucket fills at twice its rate",
    edits: [
      edit(
        "shared/owner/meter/token-bucket.ts",
        "return elapsed >= Math.ceil(fill / limit) ? 0 : fill - elapsed * limit;",
        "return elapsed >= Math.ceil(fill / limit / 4) ? 0 : fill - 4 * elapsed * limit;",
      ),
    ],
    caughtBy: ["bucket-bound"],
  },
  {
    name: "somebody sleeps for a report that is due",
    edits: [edit("shared/pop/outbox.ts", "if (wakeAt <= now || between", "if (between")],
    caughtBy: ["progress"],
  },
  {
    name: "rows are kept for an hour",
    edits: [
      edit(
        "shared/owner/account.ts",
        "return after(after(idle, CLOCK_SKEW_MAX), CLOCK_SKEW_MAX);",
        "return (idle + 3_600_000) as EpochMs;",
      ),
    ],
    caughtBy: ["memory"],
  },
  {
    name: "every denial makes a penalty longer",
    edits: [
      edit(
        "shared/owner/verdicts.ts",
        "if (blockForMs === undefined || account.penaltyUntil > now)",
        "if (blockForMs === undefined)",
      ),
    ],
    caughtBy: ["penalty"],
  },
  {
    name: "the budget of claims is never filled again",
    edits: [
      edit("shared/limits.ts", "export const CLAIMS_BURST = 200;", "export const CLAIMS_BURST = 2;"),
      edit("shared/limits.ts", "export const CLAIMS_PER_SECOND = 50;", "export const CLAIMS_PER_SECOND = 0;"),
    ],
    caughtBy: ["return"],
  },
  {
    name: "a claim does not hand over what was silent",
    edits: [
      edit(
        "shared/pop/source.ts",
        "      spent: this.spent(slot) + kept,\n",
        "      spent: seq === 1 ? 0 : this.spent(slot) + kept,\n",
      ),
    ],
    caughtBy: ["spending"],
  },
  ...AHEAD_MUTANTS,
];

/** What must not be caught: without it, a bug above would not show in worlds as small as these. */
export const CONTROL: Mutant = {
  name: "sources are folded early",
  edits: FOLDING_EARLY,
  caughtBy: [],
  faults: "none",
};
