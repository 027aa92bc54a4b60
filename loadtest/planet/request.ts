/** A request in the simulator: what it asks for, and what became of it. */
import type { KeyMessage } from "../../shared/key.ts";
import type { Counted, Decision } from "../../shared/pop/decide.ts";
import type { Isolate } from "./isolate.ts";

/** What arrives at an isolate. */
export interface Arrival {
  /** What the rules count by, such as `ip=203.0.113.9`. */
  readonly client: string;
  /** What is hashed, where that is not the text. */
  readonly key?: KeyMessage;
  /** Indexes of the rules that match, in order. */
  readonly rules: readonly number[];
  readonly cost: number;
}

export interface Request extends Arrival {
  readonly isolate: Isolate;
  /** Virtual time of arrival, ms. */
  readonly at: number;
  /** What it was counted as, once admitted. */
  admission: { readonly counted: readonly Counted[] };
  /** Undefined while it waits. */
  decision: Decision | undefined;
  /** Called once, when it is decided or its isolate lets it pass un-limited. */
  readonly done: (request: Request) => void;
}
