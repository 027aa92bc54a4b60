/**
 * The limiter of one isolate: the compiled rules, this source's credit, and its ways to owners and hub.
 * It turns a request into a decision; what to answer is `handle.ts`'s.
 */
import { type KeyDisplay, keyDisplay, maskKey } from "../shared/display.ts";
import { hex32, hex64 } from "../shared/hash.ts";
import { canonicalAddress, KeyHasher, keyText } from "../shared/key.ts";
import { compileMatcher } from "../shared/match.ts";
import { type Backlog, backlogOf } from "../shared/pop/backlog.ts";
import { TAG_HI, TAG_LO } from "../shared/pop/credit-table.ts";
import { Admission, type Decision, type RequestedRule, type Waiting } from "../shared/pop/decide.ts";
import type { EntryState } from "../shared/pop/entries.ts";
import { Source } from "../shared/pop/source.ts";
import { regionOf } from "../shared/region.ts";
import type { Rule } from "../shared/rule.ts";
import { epochMs } from "../shared/time.ts";
import type { Background } from "./courier.ts";
import { type Env, isOn } from "./env.ts";
import { Labels } from "./labels.ts";
import { OwnerClient } from "./owner-client.ts";
import { Watch } from "./watch.ts";

/** The data centre's name where the platform does not say it. */
const UNKNOWN_POP = "local";

/** What the platform says of where a request came in. Over a local socket it says nothing. */
export interface Place {
  readonly colo: string;
  readonly continent: string | undefined;
  readonly longitude: number | undefined;
}

/** The place in `request.cf`, every field of which may be missing. */
export function placeOf(request: Request): Place {
  const cf: Partial<IncomingRequestCfProperties> | undefined = request.cf;
  const longitude = typeof cf?.longitude === "string" ? Number(cf.longitude) : undefined;
  return { colo: typeof cf?.colo === "string" ? cf.colo : UNKNOWN_POP, continent: cf?.continent, longitude };
}

/** One key of `inspect`. */
export type KeyState = Omit<EntryState, "slot"> & { readonly key: string };

export class Limiter {
  readonly rules: readonly Rule[];
  readonly #source: Source;
  readonly #match: (method: string, pathname: string) => readonly Rule[];
  readonly #client: OwnerClient;
  readonly #watch: Watch;
  readonly #enforce: boolean;
  readonly #label: ((text: string) => string) | undefined;
  readonly #labels = new Labels((slot) => this.#source.isOver(slot, epochMs(Date.now())));

  /** @param secret 256 bits from KEY_SECRET, as eight words. Call it within a request: it draws random numbers. */
  constructor(env: Env, rules: readonly Rule[], secret: Uint32Array) {
    const random = crypto.getRandomValues(new Uint32Array(3));
    this.rules = rules;
    this.#match = compileMatcher(rules);
    this.#source = new Source({
      isolate: hex64(random[0] ?? 0, random[1] ?? 0),
      seed: random[2] ?? 0,
      pop: UNKNOWN_POP,
      rules,
      hashers: rules.map((rule) => new KeyHasher(secret, rule.version)),
    });
    this.#client = new OwnerClient(this.#source, env);
    this.#watch = new Watch(this.#source, this.#client, env);
    this.#enforce = isOn(env.ENFORCE, true);
    this.#label = labelOf(keyDisplay(env.KEY_DISPLAY));
  }

  /** Decides a request; `undefined` when no rule matches it. Admitted by credit alone, it does no I/O. */
  async decide(
    request: Request,
    pathname: string,
    cost: number,
    background: Background,
  ): Promise<Decision | undefined> {
    const matched = this.#match(request.method, pathname);
    if (matched.length === 0) return undefined;
    const address = canonicalAddress(request.headers.get("CF-Connecting-IP"));
    const requested = matched.map(
      (rule): RequestedRule => ({
        ruleIndex: this.rules.indexOf(rule),
        text: keyText(rule, address),
      }),
    );
    const admission = new Admission(this.#source, requested, cost, {
      enforce: this.#enforce,
      label: this.#label,
    });
    const step = (): Decision | Waiting => {
      const outcome = admission.step(epochMs(Date.now()));
      for (const hot of admission.due.splice(0)) this.#client.drive(hot, background);
      return outcome;
    };
    const first = step();
    this.#remember(requested);
    if (first.kind === "decided") return first;
    // A request whose client hangs up must still be decided: others may stand behind it.
    const decided = this.#wait(first, step, background);
    background.waitUntil(decided);
    return decided;
  }

  async #wait(first: Waiting, step: () => Decision | Waiting, background: Background): Promise<Decision> {
    let outcome: Decision | Waiting = first;
    while (outcome.kind === "waiting") {
      this.#client.drive(outcome.hot, background);
      await this.#client.pause(outcome.waiter, outcome.until);
      outcome = step();
    }
    return outcome;
  }

  /** Keeps the hub connection open. Called on every request, also on those that no rule matches. */
  listen(place: Place, background: Background): void {
    this.#source.pop = place.colo;
    this.#watch.keep(regionOf(place.continent, place.longitude), epochMs(Date.now()), background);
  }

  /** What people are shown of this isolate's entries. */
  inspect(): { readonly source: string; readonly keys: readonly KeyState[] } {
    const keys: KeyState[] = [];
    for (const { slot, ...entry } of this.#source.entries(epochMs(Date.now()))) {
      const { table } = this.#source;
      const label = this.#labels.get(slot) ?? this.#source.hotAt(slot)?.label;
      keys.push({ ...entry, key: label ?? hex32(table.get(slot, TAG_HI)) + hex32(table.get(slot, TAG_LO)) });
    }
    return { source: this.#source.isolate, keys };
  }

  /** What waits in this isolate for owners. */
  backlog(): Backlog {
    return backlogOf(this.#source.hotKeys(), epochMs(Date.now()));
  }

  #remember(requested: readonly RequestedRule[]): void {
    if (this.#label === undefined) return;
    for (const { ruleIndex, text } of requested) {
      const hasher = this.#source.hashers[ruleIndex];
      hasher?.tag(text);
      const slot = this.#source.table.find(hasher?.hi ?? 0, hasher?.lo ?? 0);
      if (slot >= 0) this.#labels.set(slot, this.#label(text));
    }
  }
}

function labelOf(display: KeyDisplay): ((text: string) => string) | undefined {
  if (display === "hash") return undefined;
  return display === "plain" ? (text) => text : maskKey;
}
