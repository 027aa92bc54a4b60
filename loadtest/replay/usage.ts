/**
 * What a way of counting asks of the platform, from what happened to what is billed. Estimates err upwards:
 * calls that overlap in one object are billed as if each had it for itself.
 */
import { HUB_COALESCE } from "../../shared/limits.ts";
import { REGIONS } from "../../shared/region.ts";
import { type Bill, estimateBill, type Usage } from "./prices.ts";

/** Totals of one run. */
export interface Messages {
  /** Calls of Workers to owners. */
  readonly calls: number;
  /** Asks that came with them. */
  readonly asks: number;
  /** Rows that owners wrote for them, without those that alarms cost. */
  readonly rowsWritten: number;
  /** Calls of owners to hubs: one to each hub for everything that is announced. */
  readonly announcements: number;
  /** Calls of hubs with what was seen of thinly spread clients; none unless given. */
  readonly sightings?: number;
  /** Frames that hubs sent to isolates. They are free. */
  readonly frames: number;
  /** Connections that isolates opened to their hubs. */
  readonly connections: number;
  /** Accounts that owners opened. Each sets an alarm, which later deletes its row. */
  readonly opened: number;
}

export const NO_MESSAGES: Messages = {
  calls: 0,
  asks: 0,
  rowsWritten: 0,
  announcements: 0,
  frames: 0,
  connections: 0,
  opened: 0,
};

/** How long a call keeps an owner awake: until its row is confirmed, generously. */
const CALL_SECONDS = 0.01;
/** A row is set for the alarm, and one is deleted by it. */
const ALARM_ROWS = 2;

/**
 * What the platform bills for messages.
 * @param farthestHubMs how long an owner that announces is awake: until the farthest hub has answered
 */
export function usageOf(messages: Messages, requests: number, farthestHubMs: number): Usage {
  const { calls, asks, rowsWritten, announcements, sightings = 0, connections, opened } = messages;
  const announced = announcements / REGIONS.length;
  return {
    requests,
    objectRequests: calls + announcements + sightings + connections + opened,
    rowsWritten: rowsWritten + ALARM_ROWS * opened,
    // An owner that slept loads a row for an Ask, one that is awake none.
    rowsRead: asks,
    objectSeconds:
      calls * CALL_SECONDS + (announced * farthestHubMs + (announcements + sightings) * HUB_COALESCE) / 1_000,
  };
}

/** The bill for a million requests of which each asks as much as these did on average. */
export function billPerMillion(messages: Messages, requests: number, farthestHubMs: number): Bill {
  const usage = usageOf(messages, requests, farthestHubMs);
  const scale = requests === 0 ? 0 : 1e6 / requests;
  return estimateBill({
    requests: usage.requests * scale,
    objectRequests: usage.objectRequests * scale,
    rowsWritten: usage.rowsWritten * scale,
    rowsRead: usage.rowsRead * scale,
    objectSeconds: usage.objectSeconds * scale,
  });
}
