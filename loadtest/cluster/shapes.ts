/** The shapes that the launcher and the code inside workerd share. Pure types, usable on both sides. */
import type { OwnerState } from "../../shared/owner/inspect.ts";
import type { Backlog } from "../../shared/pop/backlog.ts";
import type { City } from "./cities.ts";

/** One POP of the cluster. */
export interface Pop {
  /** The code that the user gave (`CHI`), which need not be the city's own (`ORD`). */
  readonly name: string;
  readonly url: string;
  readonly city: City;
}

/** What the launcher tells the code inside workerd, as the binding `CLUSTER`. */
export interface ClusterSetup {
  readonly pops: readonly Pop[];
  /** Factor on every round trip; 0 for none. */
  readonly distance: number;
}

/** What a POP keeps for one client under one rule. */
export interface PopKey {
  readonly rule: string;
  readonly key: string;
  readonly window: number;
  readonly used: number;
  readonly credit: number;
  /** Credit that it holds ahead of asking, and the threshold in force. */
  readonly ahead: number;
  readonly threshold: number;
  readonly claimed: boolean;
  /** Epoch ms, null for no block. */
  readonly blockedUntil: number | null;
}

export interface PopState {
  readonly name: string;
  readonly url: string;
  /** The isolate's source id. */
  readonly source: string;
  readonly keys: readonly PopKey[];
}

/** The answer to `GET /api/waiting`. */
export interface ClusterWaiting {
  readonly pops: readonly (Backlog & { readonly name: string })[];
}

/** The answer to `GET /api/state`. */
export interface ClusterState {
  /** Epoch ms. */
  readonly now: number;
  readonly pops: readonly PopState[];
  readonly owners: readonly OwnerState[];
  /** Announcements that owners made since the start, each counted once however many hubs it went to. */
  readonly announcements: number;
}

/** The answer to `GET /api/traffic`: what reached owners since the start, however many they are. Asking disturbs none. */
export interface Traffic {
  /** Epoch ms. */
  readonly now: number;
  readonly pops: readonly PopTraffic[];
  /** Calls that no owner has answered yet. */
  readonly running: number;
}

export interface PopTraffic {
  readonly name: string;
  /** One to a client's own owner is an Ask; one to an owner that clients share may carry several. */
  readonly calls: number;
  /** Those of them that said, to the byte, what the one before from there did: an Ask that was sent again. */
  readonly repeated: number;
}
