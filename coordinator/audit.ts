/**
 * The storage of an auditor: its state, and the reports since, as they came. A report is stored before it is
 * acknowledged; now and then the state takes their place. See docs/storage.md.
 */
import { decodeAudit, encodeAudit } from "../shared/accuracy/audit-row.ts";
import { Auditor } from "../shared/accuracy/auditor.ts";
import { decodeReport, type Report } from "../shared/accuracy/report.ts";
import { AUDIT_KEEP, AUDIT_REPORTS_MAX, AUDIT_STATE_BYTES_MAX } from "../shared/limits.ts";
import type { AccuracyFigures } from "../shared/telemetry/live.ts";
import { after, type EpochMs, later, NEVER } from "../shared/time.ts";

const STATE = "audit:state";
const REPORT_PREFIX = "audit:report:";
/** Digits of a report's number: names are listed in the order of their letters. */
const DIGITS = 3;

/** A report as it is stored: it is judged by the time at which it came. */
interface StoredReport {
  readonly at: EpochMs;
  readonly report: Uint8Array;
}

export class Audit {
  readonly #storage: DurableObjectStorage;
  #auditor: Auditor | undefined;
  /** Reports in storage. */
  #stored = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Takes and stores a report; one that was taken before changes nothing. False when it cannot be read. */
  observe(bytes: Uint8Array, now: EpochMs): boolean {
    const decoded = decodeReport(bytes);
    if (!decoded.ok) return false;
    const auditor = this.#load();
    if (!auditor.knows(decoded.value)) this.#take(auditor, decoded.value, bytes, now);
    return true;
  }

  #take(auditor: Auditor, report: Report, bytes: Uint8Array, now: EpochMs): void {
    auditor.take(report, now);
    if (this.#stored < AUDIT_REPORTS_MAX) {
      const name = REPORT_PREFIX + String(this.#stored).padStart(DIGITS, "0");
      this.#storage.kv.put(name, { at: now, report: bytes } satisfies StoredReport);
      this.#stored += 1;
      return;
    }
    const state = auditor.state && encodeAudit(auditor.state);
    const fits = state !== undefined && state.byteLength <= AUDIT_STATE_BYTES_MAX;
    this.#deleteReports();
    if (fits) this.#storage.kv.put(STATE, state);
    else this.forget();
  }

  /** The figures; `undefined` before the first report. */
  figures(now: EpochMs): AccuracyFigures | undefined {
    return this.#load().figures(now);
  }

  /** Until when they are worth keeping, NEVER for an object that audits nothing. */
  keptUntil(): EpochMs {
    let seenAt = NEVER;
    for (const source of this.#load().state?.sources.values() ?? []) seenAt = later(seenAt, source.seenAt);
    return seenAt === NEVER ? NEVER : after(seenAt, AUDIT_KEEP);
  }

  /** Begins anew, from nothing. */
  forget(): void {
    this.#auditor = undefined;
    this.#storage.kv.delete(STATE);
    this.#deleteReports();
  }

  #deleteReports(): void {
    for (const [name] of this.#storage.kv.list({ prefix: REPORT_PREFIX })) this.#storage.kv.delete(name);
    this.#stored = 0;
  }

  #load(): Auditor {
    if (this.#auditor !== undefined) return this.#auditor;
    // What newer code wrote cannot be read, and counting begins anew: figures are no grants.
    const auditor = new Auditor(decodeAudit(this.#storage.kv.get(STATE)));
    this.#stored = 0;
    for (const [, stored] of this.#storage.kv.list({ prefix: REPORT_PREFIX })) {
      const { at, report } = stored as StoredReport;
      const decoded = decodeReport(report);
      if (decoded.ok) auditor.take(decoded.value, at);
      this.#stored += 1;
    }
    this.#auditor = auditor;
    return auditor;
  }
}
