/**
 * The slide, and every row of the failure table: what is done, and what must be seen of it, to the word, in the
 * local cluster and in the simulator. Nothing here depends on how long anything takes.
 */
import type { Row } from "../../loadtest/planet/faults.ts";
import type { Player } from "./stage.ts";

export interface Scenario {
  readonly name: string;
  /** The row of the failure table. */
  readonly row: Row | "slide";
  /** The rule, as it stands in a wrangler.toml, apart from its name and path. */
  readonly rule?: Readonly<Record<string, unknown>>;
  /** The rules cannot be read: whether FAIL_CLOSED_ON_BAD_CONFIG is set. */
  readonly unreadable?: { readonly failClosed: boolean };
  play(player: Player): Promise<void>;
  readonly transcript: readonly string[];
}

/** The windows are so long that none ends in a scenario, the deadline so that no machine is too slow for it. */
export const RULE = { limit: 10, threshold: 4, window: "30d", algorithm: "fixed-window", deadline: "10s" };
/** For owners that are out of reach: nobody wants to wait long for that. */
const SHORT = { deadline: "200ms" };

/** The first scenario is the picture that the product comes from. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "the slide",
    row: "slide",
    async play(player) {
      await player.send("LHR", 3);
      await player.send("CDG", 2);
      await player.noOwner();
      await player.send("LHR");
      await player.counted(6);
      for (const pop of ["CHI", "TYO"] as const) await player.knowsOfClaim(pop);
      for (const pop of ["TYO", "LHR", "CDG", "CHI"] as const) await player.send(pop);
      for (const pop of ["LHR", "CDG", "CHI", "TYO"] as const) await player.sendUntil(pop, "429 blocked");
      await player.counted(10);
    },
    transcript: [
      "LHR: 3 × 200 credit",
      "CDG: 2 × 200 credit",
      "no owner",
      "LHR: 200 owner",
      "owner: counts 6, epoch 1, claimed by LHR",
      "CHI has heard of the claim",
      "TYO has heard of the claim",
      "TYO: 200 owner",
      "LHR: 200 owner",
      "CDG: 200 owner",
      "CHI: 200 owner",
      "LHR, in the end: 429 blocked",
      "CDG, in the end: 429 blocked",
      "CHI, in the end: 429 blocked",
      "TYO, in the end: 429 blocked",
      "owner: counts 10, epoch 1, claimed by LHR",
    ],
  },
  {
    name: "an answer that is lost: the same Ask once more, counted once",
    row: "retry",
    rule: { deadline: "4s" },
    async play(player) {
      await player.send("LHR", 3);
      await player.fault({ next: "lost", link: ["LHR", "owner"] });
      await player.send("LHR");
      await player.counted(4);
    },
    transcript: [
      "LHR: 3 × 200 credit",
      "fault: lost LHR owner",
      "LHR: 200 owner",
      "owner: counts 4, epoch 1, claimed by LHR",
    ],
  },
  {
    name: "an object that is reset over an Ask: the same Ask once more, counted once, one epoch on",
    row: "retry",
    async play(player) {
      await player.send("LHR", 4);
      await player.fault({ next: "reset", link: ["LHR", "owner"] });
      await player.send("LHR");
      await player.counted(5);
    },
    transcript: [
      "LHR: 3 × 200 credit, 200 owner",
      "fault: reset LHR owner",
      "LHR: 200 owner",
      "owner: counts 5, epoch 2, claimed by LHR",
    ],
  },
  {
    name: "an owner that is overloaded: not asked again at once, but later",
    row: "overloaded",
    rule: { on_failure: "closed" },
    async play(player) {
      await player.send("LHR", 3);
      // Only one call: a second attempt would be answered.
      await player.fault({ next: "overloaded", link: ["LHR", "owner"] });
      await player.send("LHR");
      await player.sendUntil("LHR", "200 owner");
      await player.counted(4);
    },
    transcript: [
      "LHR: 3 × 200 credit",
      "fault: overloaded LHR owner",
      "LHR: 503 degraded",
      "LHR, in the end: 200 owner",
      "owner: counts 4, epoch 1, claimed by LHR",
    ],
  },
  {
    name: "an owner out of reach, on_failure = local: up to the limit here, and all of it told later",
    row: "local",
    rule: { ...SHORT, on_failure: "local" },
    async play(player) {
      await player.fault({ cut: ["LHR", "owner"] });
      await player.send("LHR", 12);
      await player.heal();
      await player.counted(10);
      await player.sendUntil("LHR", "429 blocked");
    },
    transcript: [
      "fault: LHR owner",
      "LHR: 3 × 200 credit, 7 × 200 degraded, 2 × 429 degraded",
      "mended",
      "owner: counts 10, epoch 1, claimed by LHR",
      "LHR, in the end: 429 blocked",
    ],
  },
  {
    name: "an owner out of reach, on_failure = open: beyond the limit, and all of it told later",
    row: "open",
    rule: { ...SHORT, on_failure: "open" },
    async play(player) {
      await player.fault({ cut: ["LHR", "owner"] });
      await player.send("LHR", 3);
      await player.burst("LHR", 12);
      await player.heal();
      await player.counted(15);
      await player.sendUntil("LHR", "429 blocked");
    },
    transcript: [
      "fault: LHR owner",
      "LHR: 3 × 200 credit",
      "LHR at once: 12 × 200 degraded",
      "mended",
      "owner: counts 15, epoch 1, claimed by LHR",
      "LHR, in the end: 429 blocked",
    ],
  },
  {
    name: "an owner out of reach, on_failure = closed: refused, and not charged",
    row: "closed",
    rule: { ...SHORT, on_failure: "closed" },
    async play(player) {
      await player.fault({ cut: ["LHR", "owner"] });
      await player.send("LHR", 5);
      await player.heal();
      await player.sendUntil("LHR", "200 owner");
      await player.counted(4);
    },
    transcript: [
      "fault: LHR owner",
      "LHR: 3 × 200 credit, 2 × 503 degraded",
      "mended",
      "LHR, in the end: 200 owner",
      "owner: counts 4, epoch 1, claimed by LHR",
    ],
  },
  {
    name: "a hub out of reach: decisions go on, and what was missed is heard later",
    row: "hub",
    async play(player) {
      await player.fault({ cut: ["TYO", "hub"] });
      await player.send("LHR", 4);
      await player.knowsOfClaim("CDG");
      await player.send("TYO");
      await player.heal();
      await player.knowsOfClaim("TYO");
      await player.counted(5);
      await player.send("TYO", 5);
      await player.sendUntil("TYO", "429 blocked");
      await player.counted(10);
    },
    transcript: [
      "fault: TYO hub",
      "LHR: 3 × 200 credit, 200 owner",
      "CDG has heard of the claim",
      "TYO: 200 credit",
      "mended",
      "TYO has heard of the claim",
      "owner: counts 5, epoch 1, claimed by LHR",
      "TYO: 5 × 200 owner",
      "TYO, in the end: 429 blocked",
      "owner: counts 10, epoch 1, claimed by LHR",
    ],
  },
  {
    name: "an owner that dies: no grant is forgotten, and a block stands",
    row: "owner",
    async play(player) {
      await player.send("LHR", 4);
      for (const pop of ["CDG", "TYO"] as const) await player.knowsOfClaim(pop);
      await player.fault({ owner: "killed" });
      await player.send("LHR", 6);
      await player.counted(10);
      await player.sendUntil("TYO", "429 blocked");
      await player.fault({ owner: "killed" });
      await player.send("TYO", 2);
      await player.sendUntil("CDG", "429 blocked");
      await player.counted(10);
    },
    transcript: [
      "LHR: 3 × 200 credit, 200 owner",
      "CDG has heard of the claim",
      "TYO has heard of the claim",
      "fault: killed",
      "LHR: 6 × 200 owner",
      "owner: counts 10, epoch 2, claimed by LHR",
      "TYO, in the end: 429 blocked",
      "fault: killed",
      "TYO: 2 × 429 blocked",
      "CDG, in the end: 429 blocked",
      "owner: counts 10, epoch 3, claimed by LHR",
    ],
  },
  {
    name: "an owner that fell asleep: it comes back from its row",
    row: "owner",
    async play(player) {
      await player.send("LHR", 4);
      await player.fault({ owner: "asleep" });
      await player.send("LHR");
      await player.counted(5);
    },
    transcript: [
      "LHR: 3 × 200 credit, 200 owner",
      "fault: asleep",
      "LHR: 200 owner",
      "owner: counts 5, epoch 2, claimed by LHR",
    ],
  },
  {
    name: "a stale duplicate of the owner: it cannot write, so it never answers",
    row: "stale",
    async play(player) {
      await player.send("LHR", 4);
      await player.fault({ owner: "duplicated" });
      await player.send("LHR");
      await player.counted(5);
    },
    transcript: [
      "LHR: 3 × 200 credit, 200 owner",
      "fault: duplicated",
      "LHR: 200 owner",
      "owner: counts 5, epoch 2, claimed by LHR",
    ],
  },
  {
    name: "rules that cannot be read: requests pass un-limited",
    row: "rules",
    unreadable: { failClosed: false },
    play: (player) => player.send("LHR", 12),
    transcript: ["LHR: 12 × 200 unlimited"],
  },
  {
    name: "rules that cannot be read, FAIL_CLOSED_ON_BAD_CONFIG: requests are refused",
    row: "rules",
    unreadable: { failClosed: true },
    play: (player) => player.send("LHR", 2),
    transcript: ["LHR: 2 × 503 none"],
  },
  {
    name: "clocks that are off by less than a second: nothing changes",
    row: "skew",
    async play(player) {
      await player.fault({ skewMs: 900, pop: "TYO" });
      await player.fault({ skewMs: -900, pop: "CDG" });
      await player.send("TYO", 4);
      await player.knowsOfClaim("CDG");
      await player.knowsOfClaim("LHR");
      await player.send("CDG", 3);
      await player.send("LHR", 3);
      for (const pop of ["LHR", "CDG", "TYO"] as const) await player.sendUntil(pop, "429 blocked");
      await player.counted(10);
    },
    transcript: [
      "fault: 900 TYO",
      "fault: -900 CDG",
      "TYO: 3 × 200 credit, 200 owner",
      "CDG has heard of the claim",
      "LHR has heard of the claim",
      "CDG: 3 × 200 owner",
      "LHR: 3 × 200 owner",
      "LHR, in the end: 429 blocked",
      "CDG, in the end: 429 blocked",
      "TYO, in the end: 429 blocked",
      "owner: counts 10, epoch 1, claimed by TYO",
    ],
  },
];
