/** A run as text, one line for everything that matters, in order. */
import type { Account } from "../../shared/owner/account.ts";
import { accountName } from "../../shared/owner/accounts.ts";
import type { Decision } from "../../shared/pop/decide.ts";
import type { Command, CommandReply } from "../../shared/protocol/commands.ts";
import type { Announcement, Answer, Ask, Verdicts } from "../../shared/protocol/messages.ts";
import type { Isolate } from "./isolate.ts";
import type { Incarnation, OwnerHost } from "./owner-host.ts";
import type { Request } from "./request.ts";
import { type Snapshot, Witness } from "./witness.ts";
import type { World } from "./world.ts";

export class Transcript extends Witness {
  readonly #world: World;
  readonly #start: number;
  readonly #print: (line: string) => void;

  constructor(world: World, print: (line: string) => void) {
    super();
    this.#world = world;
    this.#start = world.agenda.now;
    this.#print = print;
  }

  #line(who: string, text: string): void {
    const seconds = ((this.#world.agenda.now - this.#start) / 1000).toFixed(3).padStart(8);
    this.#print(`${seconds}  ${who.padEnd(8)} ${text}`);
  }

  /** A verdict's time as seconds since the start, by the clock that said it. */
  #time = (at: number): string => `${((at - this.#start) / 1000).toFixed(3)}s`;

  #verdicts({ epoch, version, claimedUntil, fullUntil, penaltyUntil }: Verdicts): string {
    const until = [
      claimedUntil === undefined ? "" : ` claimed until ${this.#time(claimedUntil)}`,
      fullUntil === undefined ? "" : ` full until ${this.#time(fullUntil)}`,
      penaltyUntil === undefined ? "" : ` barred until ${this.#time(penaltyUntil)}`,
    ];
    return `epoch ${epoch}.${version}${until.join("")}`;
  }

  #answer(answer: Answer): string {
    switch (answer.kind) {
      case "granted":
        return `granted ${answer.granted} in window ${answer.window}, ${answer.remaining} left, ${this.#verdicts(answer)}`;
      case "refused":
        return `refused, the owner is in window ${answer.window}`;
      default:
        return "dropped, a later Ask was answered already";
    }
  }

  override arrived({ isolate, client, cost, rules }: Request): void {
    const under = rules.map((index) => this.#world.rules[index]?.name).join(", ");
    this.#line(isolate.name, `${client} comes, cost ${cost}, ${under}`);
  }

  override decided({ isolate, client, admission }: Request, { admitted, how, rule }: Decision): void {
    const counted = admission.counted.map(({ window, cost }) => `${cost} in window ${window}`).join(", ");
    this.#line(
      isolate.name,
      `${client} ${admitted ? "admitted" : "denied"} (${how}, ${rule.name}) ${counted}`,
    );
  }

  override sent({ name }: Isolate, ask: Ask, again: boolean): void {
    const { source, window, seq, spent, counted, previousSpent, want, epochSeen } = ask;
    this.#line(
      name,
      `${again ? "asks again" : "asks"} as ${source} #${seq}: window ${window}, spent ${spent} (${counted} counted, ` +
        `${previousSpent} before), wants [${want}], epoch seen ${epochSeen}`,
    );
  }

  override loaded({ name }: OwnerHost, { epoch, meter }: Account): void {
    this.#line(
      "owner",
      `${short(name)} is back in epoch ${epoch}, count ${meter.current} in window ${meter.window}`,
    );
  }

  override taken(
    host: OwnerHost,
    incarnation: Incarnation,
    asks: readonly Ask[],
    answers: readonly Answer[],
  ): void {
    asks.forEach((ask, index) => {
      const answer = answers[index];
      const stale = incarnation === host.stale ? " (stale)" : "";
      if (answer !== undefined)
        this.#line(
          "owner",
          `${short(accountName(ask))}${stale} takes ${ask.source} #${ask.seq}: ${this.#answer(answer)}`,
        );
    });
  }

  override commanded(
    _host: OwnerHost,
    _incarnation: Incarnation,
    command: Command,
    reply: CommandReply,
  ): void {
    const { action } = command;
    const until = "until" in action ? ` until ${this.#time(action.until)}` : "";
    const outcome =
      "result" in reply ? `count ${reply.result.count} in window ${reply.result.window}` : reply.error;
    this.#line("owner", `${short(accountName(command))} is told to ${action.kind}${until}: ${outcome}`);
  }

  override acknowledges({ name }: OwnerHost, { action }: Command): void {
    this.#line("owner", `${short(name)} acknowledges ${action.kind}`);
  }

  override stored(_host: OwnerHost, name: string, { count, window, epoch }: Snapshot): void {
    this.#line("row", `${short(name)}: count ${count} in window ${window}, epoch ${epoch}`);
  }

  override answers({ name }: OwnerHost, ask: Ask): void {
    this.#line("owner", `${short(name)} answers ${ask.source} #${ask.seq}`);
  }

  override hears(isolate: Isolate, ask: Ask, answer: Answer): void {
    this.#line(isolate.name, `hears for ${ask.source} #${ask.seq}: ${this.#answer(answer)}`);
  }

  override hearsNews(isolate: Isolate, news: Announcement): void {
    const released = news.released === true ? " released" : "";
    this.#line(isolate.name, `hears of ${short(news.key)}: ${this.#verdicts(news)}${released}`);
  }

  override note(text: () => string): void {
    this.#line("", text());
  }
}

/** Enough of a name to tell it from the others. */
const short = (name: string): string => name.slice(name.indexOf(".") + 1).slice(0, 6);
