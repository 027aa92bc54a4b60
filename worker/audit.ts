/** One line in the log for whatever is changed by hand. Keys stand there as hashes. */

export interface Change {
  /** Who: `service-binding`, or a token by the beginning of its hash. */
  readonly by: string;
  /** What was done: `reset`, `block`, `unblock`, `override`. */
  readonly what: string;
  readonly rule: string;
  /** The key's hash. */
  readonly key: string;
  /** Of a block or an override: for how long. */
  readonly seconds?: number;
  readonly limit?: number | null;
}

export function audit(change: Change): void {
  console.log(JSON.stringify({ event: "audit", at: new Date().toISOString(), ...change }));
}
