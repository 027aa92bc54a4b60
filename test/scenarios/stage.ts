/**
 * The stage on which scenarios are played: four POPs, one client, one rule. It stands in two worlds, the local
 * cluster (workerd, over HTTP) and the simulator, and what is played must look the same in both.
 */
import type { LinkName, NextCall } from "../../loadtest/cluster/fault.ts";

/** The POPs of every scenario. */
export const POPS = ["LHR", "CDG", "CHI", "TYO"] as const;
export type PopName = (typeof POPS)[number];

/** What can be made to go wrong. Killing, falling asleep and standing there twice are done to the client's owner. */
export type StageFault =
  | { readonly cut: LinkName }
  | { readonly next: NextCall; readonly link: LinkName }
  | { readonly skewMs: number; readonly pop: PopName }
  | { readonly owner: "killed" | "asleep" | "duplicated" };

/** What is seen of an owner. */
export interface OwnerSeen {
  readonly count: number;
  readonly epoch: number;
  readonly claimedBy: string;
}

/** What a world has to do for a scenario. */
export interface Stage {
  /** Sends one request and resolves to its answer: status and decision, as `200 credit`. */
  request(pop: PopName): Promise<string>;
  /** The client's owner; undefined while there is none. */
  owner(): Promise<OwnerSeen | undefined>;
  /** Whether the POP believes that the client is claimed. */
  knowsOfClaim(pop: PopName): Promise<boolean>;
  fault(fault: StageFault): Promise<void>;
  /** Mends links, and sets clocks right. */
  heal(): Promise<void>;
  /** Looks again until it finds; rejects with what it waited for. */
  until(what: string, look: () => Promise<boolean>): Promise<void>;
}

/** Plays on a stage, and writes down what is seen. */
export class Player {
  readonly transcript: string[] = [];
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** So many requests, one after another. */
  async send(pop: PopName, times = 1): Promise<void> {
    const answers: string[] = [];
    for (let sent = 0; sent < times; sent += 1) answers.push(await this.#stage.request(pop));
    this.#write(`${pop}: ${inRuns(answers)}`);
  }

  /** So many requests at once. */
  async burst(pop: PopName, times: number): Promise<void> {
    const answers = await Promise.all(Array.from({ length: times }, () => this.#stage.request(pop)));
    this.#write(`${pop} at once: ${inRuns(answers.sort())}`);
  }

  /** Requests until one is answered so. How many that takes is the world's own. */
  async sendUntil(pop: PopName, answer: string): Promise<void> {
    await this.#stage.until(`${answer} at ${pop}`, async () => (await this.#stage.request(pop)) === answer);
    this.#write(`${pop}, in the end: ${answer}`);
  }

  async knowsOfClaim(pop: PopName): Promise<void> {
    await this.#stage.until(`${pop} to hear of the claim`, () => this.#stage.knowsOfClaim(pop));
    this.#write(`${pop} has heard of the claim`);
  }

  /** Waits until the owner has counted so much. */
  async counted(count: number): Promise<void> {
    await this.#stage.until(`a count of ${count}`, async () => (await this.#stage.owner())?.count === count);
    const owner = await this.#stage.owner();
    this.#write(`owner: counts ${owner?.count}, epoch ${owner?.epoch}, claimed by ${owner?.claimedBy}`);
  }

  async noOwner(): Promise<void> {
    this.#write((await this.#stage.owner()) === undefined ? "no owner" : "an owner");
  }

  async fault(fault: StageFault): Promise<void> {
    await this.#stage.fault(fault);
    this.#write(`fault: ${Object.values(fault).flat().join(" ")}`);
  }

  async heal(): Promise<void> {
    await this.#stage.heal();
    this.#write("mended");
  }

  #write(line: string): void {
    this.transcript.push(line);
  }
}

/** `3 × 200 credit, 200 owner`. */
function inRuns(answers: readonly string[]): string {
  const runs: { readonly answer: string; times: number }[] = [];
  for (const answer of answers) {
    const last = runs.at(-1);
    if (last?.answer === answer) last.times += 1;
    else runs.push({ answer, times: 1 });
  }
  return runs.map(({ answer, times }) => (times === 1 ? answer : `${times} × ${answer}`)).join(", ");
}
