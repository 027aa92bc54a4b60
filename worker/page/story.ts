/** The chosen client: what its owner says of it, what happened to it in order, and what a person can do about it. */
import type { Client, StoryEvent, Switches } from "../../shared/telemetry/live.ts";
import { type Change, isReachable } from "./admin.ts";
import { byId, html, keyed, setAttribute, setText } from "./dom.ts";
import { clock, count, duration, left } from "./format.ts";
import type { Chosen, Overview } from "./overview.ts";
import { switchesText, switchFacts } from "./switches.ts";

const EVENTS_MAX = 50;

export interface StoryOptions {
  /** Rejects with a sentence for people. */
  change(chosen: Chosen, wanted: Change): Promise<void>;
  close(): void;
}

interface Told extends StoryEvent {
  readonly id: string;
}

export class Story {
  readonly #events: (events: readonly Told[]) => void;
  readonly #list = byId("events", HTMLElement);
  readonly #buttons = ["block", "reset", "release"].map((id) => byId(id, HTMLButtonElement));
  #chosen: Chosen | undefined;
  #isBusy = false;

  constructor(options: StoryOptions) {
    this.#events = keyed(
      this.#list,
      ({ id }: Told) => id,
      (event) => html("li", { class: event.what }, html("time", {}, clock(event.at)), html("span")),
      (element, event) => element.lastElementChild && setText(element.lastElementChild, wordsOf(event)),
    );
    const seconds = byId("block-seconds", HTMLSelectElement);
    const act = (id: string, done: string, wanted: () => Change): void => {
      byId(id, HTMLButtonElement).addEventListener("click", () => void this.#act(options, wanted(), done));
    };
    act("block", "Blocked, everywhere.", () => ({ kind: "block", seconds: Number(seconds.value) }));
    act("reset", "Reset: its count begins anew.", () => ({ kind: "reset" }));
    act("release", "Released: no block stands. Its count stays.", () => ({ kind: "release" }));
    // It scrolls and holds nothing else to stop at.
    this.#list.tabIndex = 0;
    byId("close-story", HTMLButtonElement).addEventListener("click", () => options.close());
  }

  async #act(options: StoryOptions, wanted: Change, done: string): Promise<void> {
    const chosen = this.#chosen;
    if (chosen === undefined || this.#isBusy) return;
    this.#isBusy = true;
    try {
      await options.change(chosen, wanted);
      this.#answer(done, false);
    } catch (error) {
      this.#answer(error instanceof Error ? error.message : String(error), true);
    } finally {
      this.#isBusy = false;
    }
  }

  #answer(text: string, isProblem: boolean): void {
    const answer = byId("story-answer", HTMLElement);
    answer.classList.toggle("is-problem", isProblem);
    setText(answer, text);
  }

  /** @param client what the stream told of the chosen client, if it did */
  draw(chosen: Chosen | undefined, seen: Overview, client: Client | null): void {
    if (chosen !== this.#chosen) this.#answer("", false);
    this.#chosen = chosen;
    byId("story-body", HTMLElement).hidden = chosen === undefined;
    byId("close-story", HTMLElement).hidden = chosen === undefined;
    const hint = byId("story-hint", HTMLElement);
    hint.hidden = chosen !== undefined && (client?.problem ?? null) === null && isReachable(chosen);
    if (chosen === undefined) {
      setText(hint, "Choose one of the busiest clients to see its story.");
      return;
    }
    setText(
      hint,
      client?.problem ??
        "Nobody has claimed it yet, so only the beginning of its hash is known: it has no owner to ask.",
    );
    for (const button of this.#buttons) button.disabled = !isReachable(chosen);
    setText(byId("story-key", HTMLElement), chosen.key);
    setText(byId("story-rule", HTMLElement), chosen.rule);
    const rule = seen.rules.find(({ name }) => name === chosen.rule) ?? {};
    setText(byId("story-switches", HTMLElement), switchesText(rule));
    this.#facts(seen, client, rule);
    this.#tell(client?.story ?? []);
  }

  #facts({ chosen: row, now }: Overview, client: Client | null, rule: Switches): void {
    const fact = (name: string, text: string | null): void => {
      const value = byId(`fact-${name}`, HTMLElement);
      if (value.parentElement !== null) value.parentElement.hidden = text === null;
      setText(value, text ?? "");
    };
    // A rule with plans has an account for each: the busiest tells.
    const account = client?.accounts.toSorted((a, b) => b.count - a.count || b.epoch - a.epoch)[0];
    const used = row?.used ?? 0;
    const isKept = account !== undefined && account.epoch > 0;
    fact("count", isKept ? `${count(account.count)} of ${count(account.limit)}` : `${count(used)}, locally`);
    const owner = row?.claimedBy ?? (account?.claimedBy || null);
    const isOwned = owner !== null && (row?.claimed || account?.claimed);
    fact("owner", isOwned ? `${owner}${account?.busy ? ", busy" : ""}` : "none");
    fact("epoch", isKept ? String(account.epoch) : "–");
    const until = Math.max(row?.blockedUntil ?? 0, account?.blockedUntil ?? 0);
    fact("blocked", until > now ? `for ${left(until, now)}` : "no");
    fact("skew", row?.skewMs == null ? "–" : duration(row.skewMs));
    const { lent, kept, threshold } = switchFacts(rule, row, account);
    fact("lent", lent);
    fact("kept", kept);
    fact("threshold", threshold);
  }

  #tell(story: readonly StoryEvent[]): void {
    const wasAtEnd = this.#list.scrollTop + this.#list.clientHeight >= this.#list.scrollHeight - 8;
    const before = this.#list.childElementCount;
    const nth = new Map<string, number>();
    const told = story.slice(-EVENTS_MAX).map((event): Told => {
      const name = `${event.at} ${event.what} ${event.pop} ${event.epoch}`;
      const times = nth.get(name) ?? 0;
      nth.set(name, times + 1);
      return { ...event, id: `${name} ${times}` };
    });
    this.#events(told);
    setAttribute(this.#list, "data-count", String(told.length));
    // Reading its layout is dear, so only where there is something new.
    if (wasAtEnd && told.length !== before) this.#list.scrollTop = this.#list.scrollHeight;
  }
}

function wordsOf({ what, pop, epoch, until, at }: StoryEvent): string {
  switch (what) {
    case "seen":
      return `first seen${pop === null ? "" : ` at ${pop}`}`;
    case "claimed":
      return `claimed${pop === null ? "" : ` by ${pop}`}: one count from here on`;
    case "found":
      return `found by chance${pop === null ? "" : `, last at ${pop}`}, and claimed by a hub: one count from here on`;
    case "moved":
      return `handover: another incarnation of the owner counts, epoch ${epoch}`;
    case "blocked":
      return `blocked everywhere${until === null ? "" : ` for ${left(until, at)}`}`;
    case "released":
      return "released";
    default:
      return what satisfies never;
  }
}
