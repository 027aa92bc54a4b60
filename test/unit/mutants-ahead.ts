/** Bugs to plant in what is held ahead (leases and grace), and in what strict rules keep back. */
import type { Mutant } from "./mutants.ts";

export const AHEAD_MUTANTS: readonly Mutant[] = [
  {
    name: "a lease is granted beyond the room",
    edits: [
      {
        file: "shared/owner/lease.ts",
        find: "return Math.max(0, Math.min(busy ? LEASE_WIDEN * ahead : ahead, most));",
        replace: "return most < 0 ? 0 : ahead;",
      },
    ],
    caughtBy: ["denials", "bound", "exact"],
  },
  {
    name: "a lease is granted and not counted",
    edits: [
      {
        file: "shared/owner/account.ts",
        find: "    if (lease > 0) charge(quotaOf(account), account.meter, lease, now);\n",
        replace: "",
      },
    ],
    caughtBy: ["count"],
  },
  {
    name: "a lease comes on top of a denial, and the source takes it for what was denied",
    edits: [
      {
        file: "shared/owner/account.ts",
        find: "const lease = given.denied ? 0 : leaseOf(",
        replace: "const lease = leaseOf(",
      },
    ],
    caughtBy: ["denials"],
  },
  {
    name: "an Ask that keeps credit does not say so",
    edits: [
      {
        file: "shared/pop/source.ts",
        find: "      spent: this.spent(slot) + kept,\n",
        replace: "      spent: this.spent(slot) + 0 * kept,\n",
      },
      {
        file: "shared/pop/source.ts",
        find: "    this.table.cells[hot.slot + CREDIT] = said;\n",
        replace: "    if (want.length > 0) this.table.cells[hot.slot + CREDIT] = said;\n",
      },
    ],
    caughtBy: ["leases", "spending", "bound", "exact", "silent", "lost"],
  },
  {
    name: "what is not used is never handed back",
    edits: [
      {
        file: "shared/pop/source.ts",
        find: "      if (left > 0 && !lease.rests) outbox.reportBy(lease.until);\n",
        replace: "",
      },
    ],
    caughtBy: ["leases"],
  },
  {
    name: "a lease does not end with its life",
    edits: [
      {
        file: "shared/pop/lease.ts",
        find: "    return this.until !== NEVER && this.until <= now;\n",
        replace: "    return this.until < NEVER && now > 0;\n",
      },
      // Mostly it is handed back in time; else it would hardly ever be used late.
      {
        file: "shared/pop/source.ts",
        find: "      if (left > 0 && !lease.rests) outbox.reportBy(lease.until);\n",
        replace: "",
      },
    ],
    caughtBy: ["leases"],
  },
  {
    name: "who hears that there is no room keeps what is held ahead",
    edits: [
      {
        file: "shared/pop/source.ts",
        find: "    if (isBlocked(hot.view, now) && this.handBack(hot, now, pause)) return hot;\n",
        replace: "",
      },
    ],
    caughtBy: ["leases"],
  },
  {
    name: "grace comes again with every answer",
    edits: [
      {
        file: "shared/pop/source.ts",
        find: "this.table.cells[slot + CREDIT] = Math.max(this.spent(slot), answer.granted);",
        replace:
          "this.table.cells[slot + CREDIT] = Math.max(this.spent(slot), answer.granted) + hot.rule.grace;",
      },
    ],
    caughtBy: ["spending", "bound", "silent"],
  },
  {
    name: "grace does not end with the news of a claim",
    edits: [
      {
        file: "shared/pop/entries.ts",
        find: "claimed ? Math.min(silent, this.#graceOf(hot, window)) : silent",
        replace: "claimed ? this.#graceOf(hot, window) + silent : silent",
      },
    ],
    caughtBy: ["silent", "spending", "bound"],
  },
  {
    name: "a strict owner keeps nothing back for who may not have heard of the claim",
    edits: [
      {
        file: "shared/owner/reserve.ts",
        find: "return unknown * reserve.each + knowing.size * reserve.claimed;",
        replace: "return knowing.size * reserve.claimed;",
      },
    ],
    strict: "all",
    caughtBy: ["bound"],
  },
  {
    name: "who comes is denied as soon as anybody waits, whatever is left",
    edits: [
      {
        file: "shared/pop/lease.ts",
        find: "between(this.#roomAt, now) < ROOM_TRUST && wanted > this.#room;",
        replace: "between(this.#roomAt, now) < ROOM_TRUST && wanted > 0;",
      },
    ],
    caughtBy: ["released"],
  },
  {
    name: "what an Ask hands back is not left for who comes after it",
    edits: [
      {
        file: "shared/pop/source.ts",
        find: "    hot.lease.handsBack(this.table.get(hot.slot, CREDIT) - said);\n",
        replace: "",
      },
    ],
    caughtBy: ["released"],
  },
  {
    name: "grace outlives the news that there is no room, and comes again after it",
    edits: [
      {
        file: "shared/pop/ahead.ts",
        find: "      this.table.cells[slot + CREDIT] = Math.min(this.table.get(slot, CREDIT), this.spent(slot));\n",
        replace: "      this.table.cells[slot + CREDIT] = this.table.get(slot, CREDIT) + hot.rule.grace;\n",
      },
    ],
    caughtBy: ["silent", "spending", "bound"],
  },
];
