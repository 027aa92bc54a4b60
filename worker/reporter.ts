/**
 * How this isolate's counts get to its hub: in the background of a request, when `shared/telemetry/reporting.ts` says so.
 * All reports of an isolate go to one hub, the one of the region where its first request came in: they are cumulative,
 * and at two hubs they would count twice.
 */
import { REPORT_CALL_MAX } from "../shared/limits.ts";
import type { Source } from "../shared/pop/source.ts";
import type { Region } from "../shared/region.ts";
import { decodeReceipt, type ReceiptReply, type ReportedKey } from "../shared/telemetry/report.ts";
import { Reporting } from "../shared/telemetry/reporting.ts";
import type { Tally } from "../shared/telemetry/tally.ts";
import { between, type EpochMs, epochMs } from "../shared/time.ts";
import type { Background } from "./courier.ts";
import type { Env } from "./env.ts";
import { writeLog } from "./log.ts";
import { sleep, within } from "./timer.ts";

/** What a report says besides counts. */
export interface Surroundings {
  readonly source: Source;
  /** How long ago there was a connection to the hub, ms; null before the first. */
  watchAgeMs(now: EpochMs): number | null;
  /** The busiest clients, and those that somebody looks at: rule version, dot, tag. */
  busiest(wanted: ReadonlySet<string>, now: EpochMs): ReportedKey[];
}

export class Reporter {
  readonly #env: Env;
  readonly #reporting: Reporting;
  #hub: Region | undefined;
  #wanted: ReadonlySet<string> = new Set();

  constructor(env: Env, tally: Tally, { source, watchAgeMs, busiest }: Surroundings) {
    this.#env = env;
    this.#reporting = new Reporting(tally, source.isolate, (watched, now) => ({
      pop: source.pop,
      watchAgeMs: watchAgeMs(now),
      entries: source.table.size,
      capacity: source.table.capacity,
      replacements: source.table.replacements,
      paidAhead: source.paidAhead,
      thresholds: source.automaticThresholds(now),
      keys: watched ? busiest(this.#wanted, now) : [],
    }));
  }

  /** Asked at every request: whether `keep` has something to do. */
  isDue(now: EpochMs): boolean {
    return this.#reporting.isDue(now);
  }

  /** Called at a request for which it is due. @param region of that request */
  keep(region: Region, now: EpochMs, background: Background): void {
    this.#hub ??= region;
    background.waitUntil(this.#run(this.#hub, this.#reporting.begin(now, Math.random())));
  }

  /** Somebody looks at this region's isolates until then. */
  watched(until: EpochMs, wanted: readonly string[], region: Region, background: Background): void {
    this.#wanted = new Set(wanted);
    const now = epochMs(Date.now());
    if (this.#reporting.watched(until, now)) this.keep(region, now, background);
  }

  /** What people are shown of clients has changed without a request. */
  stirred(region: Region, background: Background): void {
    const now = epochMs(Date.now());
    if (this.#reporting.stirred(now)) this.keep(region, now, background);
  }

  async #run(hub: Region, run: number): Promise<void> {
    for (;;) {
      const now = epochMs(Date.now());
      const step = this.#reporting.next(run, now);
      if (step.kind === "over") return;
      if (step.kind === "wait") await sleep(between(now, step.until));
      else if (!(await this.#send(hub, step.frame))) return;
    }
  }

  async #send(region: Region, frame: Uint8Array): Promise<boolean> {
    const reply = await this.#call(region, frame).catch(() => undefined);
    const now = epochMs(Date.now());
    if (reply !== undefined && "seq" in reply && this.#reporting.acknowledged(reply, now)) return true;
    if (reply !== undefined && "error" in reply && reply.error === "malformed") {
      writeLog("error", () => ({ event: "report-refused", error: reply.error }));
      this.#reporting.refused();
    }
    this.#reporting.failed(now, Math.random());
    return false;
  }

  /** A hub of an older release takes no reports: that is as if it were out of reach. */
  async #call(region: Region, frame: Uint8Array): Promise<ReceiptReply | undefined> {
    const hub = this.#env.REGION_HUB.getByName(region, { locationHint: region });
    const read = decodeReceipt(await within(hub.report(frame), REPORT_CALL_MAX));
    return read.ok ? read.value : undefined;
  }
}
