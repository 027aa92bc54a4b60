/**
 * The isolate's part in live accuracy: what it saw of sampled keys, handed to the rule's auditor in the background. It
 * is never on a request's way, and an auditor that is out of reach, or older than this code, costs figures alone.
 */
import { KeySample } from "../shared/accuracy/key-sample.ts";
import { Observations, type Observed } from "../shared/accuracy/observations.ts";
import { auditorName } from "../shared/accuracy/report.ts";
import { OBSERVE_ATTEMPTS, OBSERVE_CALL_MAX, OBSERVE_PAUSE, OBSERVE_RETRY } from "../shared/limits.ts";
import type { Source } from "../shared/pop/source.ts";
import { after, type EpochMs, epochMs, NEVER } from "../shared/time.ts";
import type { Background } from "./courier.ts";
import type { Env } from "./env.ts";
import { sleep, within } from "./timer.ts";

export class Sampling {
  readonly #source: Source;
  readonly #env: Pick<Env, "KEY_OWNER">;
  readonly #sample: KeySample;
  readonly #observations: Observations;
  /** Some request's context gathers until then, and reports. If it dies, the next one does. */
  #gatheringUntil: EpochMs = NEVER;

  constructor(source: Source, env: Pick<Env, "KEY_OWNER">, seed: Uint32Array) {
    this.#source = source;
    this.#env = env;
    this.#sample = new KeySample(seed);
    this.#observations = new Observations(source.isolate, source.rules);
  }

  /** Whether a key is in the sample. Asked for every request. */
  has(hi: number, lo: number): boolean {
    return this.#sample.has(hi, lo);
  }

  /** Takes what became of a request of a sampled key; it is reported within OBSERVE_PAUSE, whoever comes next. */
  note(observed: Observed, background: Background): void {
    this.#observations.note(observed);
    const now = epochMs(Date.now());
    if (now < this.#gatheringUntil) return;
    this.#gatheringUntil = after(now, OBSERVE_PAUSE);
    background.waitUntil(this.#gather());
  }

  async #gather(): Promise<void> {
    await sleep(OBSERVE_PAUSE);
    // What comes from now on is another report's.
    this.#gatheringUntil = NEVER;
    let due = this.#observations.due(epochMs(Date.now()));
    for (let attempt = 1; due.length > 0; attempt++) {
      const kept = await Promise.all(due.map((ruleIndex) => this.#report(ruleIndex)));
      due = due.filter((_, at) => kept[at]);
      if (attempt === OBSERVE_ATTEMPTS || due.length === 0) return;
      await sleep(OBSERVE_RETRY);
    }
  }

  /** Hands over what is to be said of a rule. True when it has to be said again. */
  async #report(ruleIndex: number): Promise<boolean> {
    const version = this.#source.rules[ruleIndex]?.version;
    const bytes = this.#observations.take(ruleIndex, epochMs(Date.now()));
    if (bytes === undefined || version === undefined) return false;
    try {
      // A stub can stay broken after an error: every call takes a new one.
      const auditor = this.#env.KEY_OWNER.getByName(auditorName(version));
      const taken = await within(auditor.observe(bytes), OBSERVE_CALL_MAX);
      if (taken === undefined) return true;
      if (taken) this.#observations.acknowledged(ruleIndex, bytes);
      else this.#observations.refused(ruleIndex, bytes, epochMs(Date.now()));
      return false;
    } catch {
      return true;
    }
  }
}
