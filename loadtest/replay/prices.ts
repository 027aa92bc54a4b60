/**
 * What the platform charges, and what a run would cost by that. The only file that knows a price.
 *
 * Left out: the monthly allowances and the base fee of the paid plan (so a small site pays less than said
 * here, often nothing), stored bytes, and the CPU time of Workers.
 */

/** A price list, in US dollars for a million of each thing. */
export interface Prices {
  /** The day on which each page was last changed by its authors, as read. */
  readonly asOf: { readonly durableObjects: string; readonly workers: string };
  readonly sources: { readonly durableObjects: string; readonly workers: string };
  readonly workerRequests: number;
  /** Calls of a method, HTTP requests, opened WebSockets, alarms that ring. */
  readonly objectRequests: number;
  /** Gigabytes of memory times seconds awake. */
  readonly gigabyteSeconds: number;
  /** Deleted rows and alarms that are set count as written. */
  readonly rowsWritten: number;
  readonly rowsRead: number;
}

export const PRICES: Prices = {
  asOf: { durableObjects: "2026-06-19", workers: "2026-07-07" },
  sources: {
    durableObjects: "https://developers.cloudflare.com/durable-objects/platform/pricing/",
    workers: "https://developers.cloudflare.com/workers/platform/pricing/",
  },
  workerRequests: 0.3,
  objectRequests: 0.15,
  gigabyteSeconds: 12.5,
  rowsWritten: 1,
  rowsRead: 0.001,
};

/** An object is billed for 128 MB whatever it uses; the price list counts 1,000 MB to the gigabyte. */
const OBJECT_GIGABYTES = 0.128;
/** This many messages that come in over WebSockets are billed as one request. Outgoing ones are free. */
const SOCKET_MESSAGES_PER_REQUEST = 20;

const MILLION = 1_000_000;

/** What a run used. */
export interface Usage {
  /** Requests that the Workers answered. */
  readonly requests: number;
  /** Requests that Durable Objects got, WebSockets opened and alarms rung included. */
  readonly objectRequests: number;
  readonly rowsWritten: number;
  readonly rowsRead: number;
  /**
   * Seconds that objects were awake, all together. Time that an object is idle and could hibernate is free,
   * even before it does.
   */
  readonly objectSeconds: number;
  /** Messages that objects got over WebSockets; none unless given. */
  readonly socketMessages?: number;
}

/** The cost in US dollars. */
export interface Bill {
  readonly objectRequests: number;
  readonly objectDuration: number;
  readonly rowsWritten: number;
  readonly rowsRead: number;
  /** The four above: what the limiter adds. */
  readonly total: number;
  /** `total` for a million of the requests that the Workers answered; 0 without any. */
  readonly perMillion: number;
  /** The Workers' own requests. Not in `total`: they cost the same without a limiter. */
  readonly workerRequests: number;
}

export function estimateBill(usage: Usage, prices: Prices = PRICES): Bill {
  const dollars = (amount: number, price: number): number => (amount / MILLION) * price;
  const calls = usage.objectRequests + (usage.socketMessages ?? 0) / SOCKET_MESSAGES_PER_REQUEST;
  const parts = {
    objectRequests: dollars(calls, prices.objectRequests),
    objectDuration: dollars(usage.objectSeconds * OBJECT_GIGABYTES, prices.gigabyteSeconds),
    rowsWritten: dollars(usage.rowsWritten, prices.rowsWritten),
    rowsRead: dollars(usage.rowsRead, prices.rowsRead),
  };
  const total = parts.objectRequests + parts.objectDuration + parts.rowsWritten + parts.rowsRead;
  return {
    ...parts,
    total,
    perMillion: usage.requests === 0 ? 0 : (total / usage.requests) * MILLION,
    workerRequests: dollars(usage.requests, prices.workerRequests),
  };
}
