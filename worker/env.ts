/** The bindings and variables of wrangler.toml, as the Worker and its objects see them. */
import type { KeyOwner } from "../coordinator/key-owner.ts";
import type { RegionHub } from "../coordinator/region-hub.ts";

export interface Env {
  /** One object per busy key. */
  readonly KEY_OWNER: DurableObjectNamespace<KeyOwner>;
  /** One object per region, named by its location hint. */
  readonly REGION_HUB: DurableObjectNamespace<RegionHub>;
  /** `[[vars.RULES]]`: an array, or the same as JSON text. */
  readonly RULES?: unknown;
  /** Where admitted requests go; without it, the request's own URL. */
  readonly ORIGIN?: Fetcher;
  /** The files of the live page. Without it there is no page. */
  readonly ASSETS?: Fetcher;
  /** Gets a data point for each denial and each claim. */
  readonly ANALYTICS?: AnalyticsEngineDataset;
  /** Keys are hashed under it. Without it a fixed key is used, and anybody can compute the hashes. */
  readonly KEY_SECRET?: string;
  /** What people are shown of a key: `hash` (default), `masked` or `plain`. */
  readonly KEY_DISPLAY?: string;
  /** `false` makes every rule act as shadow. */
  readonly ENFORCE?: string | boolean;
  /** Which fields tell clients of their quota: `draft-10` (default), `legacy`, `both` or `none`. */
  readonly HEADERS?: string;
  /** What the admin API asks for as a bearer token. Without it the API answers 404. */
  readonly ADMIN_TOKEN?: string;
  /** Below which path the HTTP API answers; `/_onecount` unless given. */
  readonly API_PREFIX?: string;
  /** `true` adds the x-onecount header. */
  readonly DEBUG_HEADERS?: string | boolean;
  /** `true` adds a Server-Timing entry: how a request was decided, and how long that took. */
  readonly SERVER_TIMING?: string | boolean;
  /** `true` refuses every request while the rules are wrong; the default lets them pass un-limited. */
  readonly FAIL_CLOSED_ON_BAD_CONFIG?: string | boolean;
}

/** Reads a switch that a variable may spell as text. */
export const isOn = (value: string | boolean | undefined, fallback: boolean): boolean =>
  value === undefined ? fallback : value === true || value === "true";
