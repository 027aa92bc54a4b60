/** What the launcher binds to the services inside workerd. The POPs get the production bindings besides. */
import type { Backlog } from "../../../shared/pop/backlog.ts";
import type { AccuracyFigures } from "../../../shared/telemetry/live.ts";
import type { ClusterInfo } from "../../../worker/page/cluster-info.ts";
import type { ClusterSetup, Pop, PopKey } from "../shapes.ts";
import type { HubLink } from "./hub-link.ts";
import type { ClusterKeyOwner, ClusterRegionHub } from "./objects.ts";

/** The entrypoint `Inspect` of a POP, as the core service sees it. */
export interface PopInspection {
  state(): Promise<{ readonly source: string; readonly keys: readonly PopKey[] }>;
  waiting(): Promise<Backlog>;
  heartbeat(): Promise<void>;
  /** The figures of live accuracy, as the POP gets them. */
  accuracy(): Promise<readonly AccuracyFigures[]>;
  /** The HTTP API. */
  fetch(request: Request): Promise<Response>;
  /** Sets the POP's clock so far ahead. */
  skew(ms: number): Promise<void>;
}

export interface CoreEnv {
  readonly CLUSTER: ClusterSetup;
  readonly KEY_OWNER: DurableObjectNamespace<ClusterKeyOwner>;
  readonly REGION_HUB: DurableObjectNamespace<ClusterRegionHub>;
  /** The page's files, by their names. */
  readonly PAGE: Fetcher;
  readonly PAGE_INFO: ClusterInfo;
  /** `POP_LHR` and so on; taken with `inspectionOf`. */
  readonly [binding: `POP_${string}`]: PopInspection;
  /** `CLIENTS_LHR` and so on; taken with `clientsOf`. */
  readonly [binding: `CLIENTS_${string}`]: Fetcher;
}

export interface PopEnv {
  readonly POP: Pop;
  readonly KEY_OWNER: DurableObjectNamespace<ClusterKeyOwner>;
  /** The link to the hubs: takes an upgrade request with `REGION_HEADER`. */
  readonly HUB_LINK: Fetcher & Pick<HubLink, "claims" | "report" | "sighted" | "metrics" | "story">;
}

/** How the core service looks into a POP. */
export function inspectionOf(env: CoreEnv, pop: string): PopInspection {
  const inspection = env[`POP_${pop}`];
  if (inspection === undefined) throw new Error(`no POP ${pop} in this cluster`);
  return inspection;
}

/** How the core service sends requests to a POP as a client would. */
export function clientsOf(env: CoreEnv, pop: string): Fetcher {
  const clients = env[`CLIENTS_${pop}`];
  if (clients === undefined) throw new Error(`no POP ${pop} in this cluster`);
  return clients;
}

/** The message of a call that its owner was too busy for. The POP turns it into the platform's error. */
export const OVERLOADED = "the owner is overloaded";

/** Names the hub that a watch is meant for, on its way through the link. */
export const REGION_HEADER = "x-cluster-region";
