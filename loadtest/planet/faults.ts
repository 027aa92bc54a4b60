/** The faults that a run may suffer, by the names they have on the command line. */

export const FAULTS = {
  loss: "a message is lost: a call fails or never ends, a frame to a watcher is missing",
  duplicate: "a message arrives twice",
  reorder: "messages overtake one another",
  delay: "a message takes up to seconds longer",
  cut: "a link is dead for a while, in one direction or both",
  kill: "an owner dies: before it takes an Ask, before or after the write, or after the answer",
  sleep: "an idle owner loses its memory",
  stale: "a second object takes itself for the owner, with the memory of the first",
  hub: "a hub dies, or sleeps and forgets its feed",
  isolate: "an isolate dies in mid-window, or a new one is born",
  idle: "an isolate hears nothing: it has no connection to its hub",
  skew: "a clock is up to 2 s off",
  drift: "a clock runs fast or slow",
  step: "a clock is put back or forward by up to 2 s",
  old: "an isolate, owner or hub is of the first release",
  overload: "an owner says that it is overloaded",
  evict: "strangers flood a small table and push other clients' entries out",
  rules: "a request comes to an isolate whose rules cannot be read",
  command: "somebody resets, blocks or unblocks a client by hand",
} as const;

export type Fault = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly Fault[];

/** The rows of the failure table, as a run counts how often it came through each. */
export const ROWS = {
  retry: "an Ask timed out or its object was reset: sent once more",
  overloaded: "an owner said it is overloaded",
  local: "deadline passed, on_failure = local",
  open: "deadline passed, on_failure = open",
  closed: "deadline passed, on_failure = closed",
  hub: "a hub was out of reach",
  owner: "an owner came back from its row, one epoch higher",
  stale: "a stale duplicate was found out",
  rules: "an isolate without readable rules let a request pass",
  skew: "a request was decided by a clock that is up to 1 s off",
} as const;

export type Row = keyof typeof ROWS;

/** How often each fault was injected, and each row of the failure table reached. */
export class Tally {
  readonly faults: Record<Fault, number> = zeros(FAULT_NAMES);
  readonly rows: Record<Row, number> = zeros(Object.keys(ROWS) as Row[]);
  steps = 0;
  requests = 0;
  admitted = 0;
  /** Asks that owners took, calls that carried them, rows written, announcements to hubs, frames to watchers. */
  asks = 0;
  calls = 0;
  rowsWritten = 0;
  announcements = 0;
  frames = 0;
  connections = 0;
  /** Requests that waited for an owner. */
  waited = 0;

  add(other: Pick<Tally, Exclude<keyof Tally, "add">>): void {
    for (const [name, count] of Object.entries(other.faults)) this.faults[name as Fault] += count;
    for (const [name, count] of Object.entries(other.rows)) this.rows[name as Row] += count;
    for (const name of COUNTS) this[name] += other[name];
  }
}

const COUNTS = [
  "steps",
  "requests",
  "admitted",
  "asks",
  "calls",
  "rowsWritten",
  "announcements",
  "frames",
  "connections",
  "waited",
] as const;

const zeros = <Name extends string>(names: readonly Name[]): Record<Name, number> =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
