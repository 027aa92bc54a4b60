/**
 * The links of the cluster and their faults. This is module state of the core service: all objects and
 * links live in that one isolate, so a fault holds for every call from the moment it is made, and it
 * outlives an object that is aborted.
 */
import type { LinkName, NextCall } from "../fault.ts";

/** How often a call that was lost looks whether its link is mended. */
const MENDED_POLL_MS = 20;
/**
 * workerd takes the fraction off a wait and then takes 1.3 to 1.6 ms longer than what is left (measured with 2 and
 * 5 ms). Unless that is taken off, a round trip over a link of 5 ms takes 7.
 */
const TIMER_EXCESS_MS = 1.4;

/** One POP's link to the owners, or to its hub. */
export class Link {
  cut = false;
  /** Cuts so far: tells a link that was cut and mended from one that held. */
  cuts = 0;
  /** Added to each way. */
  delayMs = 0;
  /** What becomes of the next call. */
  #next: NextCall | undefined;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  break(): void {
    if (this.cut) return;
    this.cut = true;
    this.cuts += 1;
  }

  mend(): void {
    this.cut = false;
    this.delayMs = 0;
    this.#next = undefined;
  }

  arm(next: NextCall): void {
    this.#next = next;
  }

  /** A call sets out. What becomes of it; undefined for nothing special. */
  disarm(): NextCall | undefined {
    const next = this.#next;
    this.#next = undefined;
    return next;
  }
}

const links = new Map<string, Link>();

/** The link of that name; every POP has both from the start, unbroken. */
export function linkOf([pop, end]: LinkName): Link {
  const name = `${pop}–${end}`;
  const known = links.get(name);
  if (known !== undefined) return known;
  const link = new Link(name);
  links.set(name, link);
  return link;
}

/** Mends every link and takes all added delay away. */
export function mendAll(): void {
  for (const link of links.values()) link.mend();
}

/** What a caller sees of a lost call once the link is mended. */
export class LinkError extends Error {
  constructor(link: Link) {
    super(`the link ${link.name} was cut`);
    this.name = "LinkError";
  }
}

/**
 * One exchange over a link. It is lost when the link was cut at any moment of it, also when the link was
 * mended meanwhile: what was lost is never delivered late.
 */
export class Exchange {
  readonly #link: Link;
  readonly #cutsBefore: number;
  readonly #cutFromStart: boolean;

  constructor(link: Link) {
    this.#link = link;
    this.#cutsBefore = link.cuts;
    this.#cutFromStart = link.cut;
  }

  get lost(): boolean {
    return this.#cutFromStart || this.#link.cuts !== this.#cutsBefore;
  }

  /** One way over the link: `oneWayMs` and what a fault adds. */
  async travel(oneWayMs: number): Promise<void> {
    const ms = oneWayMs + this.#link.delayMs;
    if (ms > 0) await scheduler.wait(Math.max(0, Math.round(ms - TIMER_EXCESS_MS)));
  }

  /** The same over a dead link: a lost call hears nothing until the link is mended, then it fails with `LinkError`. */
  async travelOrHang(oneWayMs: number): Promise<void> {
    await this.travel(oneWayMs);
    if (!this.lost) return;
    await untilMended(this.#link);
    throw new LinkError(this.#link);
  }
}

/**
 * Resolves when the link is whole. It polls because the request that mends the link may not wake another
 * request's promise: workerd forbids I/O on behalf of a different request.
 */
export async function untilMended(link: Link): Promise<void> {
  while (link.cut) await scheduler.wait(MENDED_POLL_MS);
}
