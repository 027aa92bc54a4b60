/** What a run tells whoever watches it: the checkers, the transcript, the reports. Every method may be left as it is. */
import type { Account } from "../../shared/owner/account.ts";
import type { Decision } from "../../shared/pop/decide.ts";
import type { Command, CommandReply } from "../../shared/protocol/commands.ts";
import type { Announcement, Answer, Ask } from "../../shared/protocol/messages.ts";
import type { Isolate } from "./isolate.ts";
import type { Incarnation, OwnerHost } from "./owner-host.ts";
import type { Request } from "./request.ts";

export class Witness {
  /** A request came in, before anything is done about it. */
  arrived(_request: Request): void {}
  /** A request was decided; its isolate has counted it. */
  decided(_request: Request, _decision: Decision): void {}
  /** An attempt to reach an owner left. `again` for the second one with the same content. */
  sent(_isolate: Isolate, _ask: Ask, _again: boolean): void {}
  /** An owner is about to take Asks. */
  asking(_host: OwnerHost, _incarnation: Incarnation, _asks: readonly Ask[]): void {}
  /** An owner took Asks; nothing of it has left yet. */
  taken(
    _host: OwnerHost,
    _incarnation: Incarnation,
    _asks: readonly Ask[],
    _answers: readonly Answer[],
  ): void {}
  /** An owner is about to carry out a command. */
  commanding(_host: OwnerHost, _incarnation: Incarnation, _command: Command): void {}
  /** An owner carried out a command, or refused it; nothing of it has left yet. */
  commanded(_host: OwnerHost, _incarnation: Incarnation, _command: Command, _reply: CommandReply): void {}
  /** What a command came to leaves its owner. */
  acknowledges(_host: OwnerHost, _command: Command, _reply: CommandReply): void {}
  /** An incarnation brought an account into memory from its row. */
  loaded(_host: OwnerHost, _account: Account): void {}
  /** A row is durable from now on. */
  stored(_host: OwnerHost, _name: string, _snapshot: Snapshot): void {}
  /** An answer leaves its owner. */
  answers(_host: OwnerHost, _ask: Ask, _answer: Answer): void {}
  /** An answer is about to reach its isolate, which asked for it at `sentAt` by its own clock. */
  hears(_isolate: Isolate, _ask: Ask, _answer: Answer): void {}
  /** An announcement is about to reach an isolate. */
  hearsNews(_isolate: Isolate, _news: Announcement): void {}
  /** Something else worth a line in a transcript. */
  note(_text: () => string): void {}
  /** Everything that one event led to is done. */
  stepped(): void {}
}

/** What a row says. */
export interface Snapshot {
  readonly epoch: number;
  readonly window: number;
  readonly count: number;
  /** By source: last seq, granted in the window and in the one before. */
  readonly sources: ReadonlyMap<
    string,
    { readonly seq: number; readonly granted: number; readonly previous: number }
  >;
}

/** @param epoch the account's, unless it was read from a row: that makes it one higher */
export function snapshotOf(account: Account, epoch: number = account.epoch): Snapshot {
  const sources = new Map<string, { seq: number; granted: number; previous: number }>();
  for (const [id, { seq, granted, previous }] of account.ledger.sources)
    sources.set(id, { seq, granted, previous });
  return { epoch, window: account.meter.window, count: account.meter.current, sources };
}
