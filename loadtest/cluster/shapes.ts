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
