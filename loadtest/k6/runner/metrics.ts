/** What is measured, and the aggregates that thresholds and summaries speak of. */
import { RunnerError } from "./error.ts";

export type Kind = "counter" | "rate" | "trend";
export type Tags = Readonly<Record<string, string>>;

/** One metric, or the part of one with certain tags. */
export class Series {
  readonly kind: Kind;
  /** Values of a trend; for the others a number will do. */
  values: number[] = [];
  samples = 0;
  /** Of all values; of a rate, how many were not zero. */
  sum = 0;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  add(value: number): void {
    this.samples += 1;
    this.sum += this.kind === "rate" ? Number(value !== 0) : value;
    if (this.kind === "trend") this.values.push(value);
  }

  clear(): void {
    this.values = [];
    this.samples = 0;
    this.sum = 0;
  }

  /** `count`, `rate`, `avg`, `min`, `med`, `max` or `p(N)`, as far as the kind has it; 0 without any sample, as in k6. */
  aggregate(name: string, seconds: number): number {
    if (this.kind === "counter" && name === "count") return this.sum;
    if (this.kind === "counter" && name === "rate") return seconds === 0 ? 0 : this.sum / seconds;
    if (this.kind === "rate" && name === "rate") return this.samples === 0 ? 0 : this.sum / this.samples;
    if (this.kind === "trend") {
      if (name === "avg") return this.samples === 0 ? 0 : this.sum / this.samples;
      const share = SHARES[name] ?? Number(/^p\((\d+(?:\.\d+)?)\)$/.exec(name)?.[1] ?? Number.NaN) / 100;
      if (share >= 0 && share <= 1) return this.#quantile(share);
    }
    throw new RunnerError(`the built-in runner knows no ${name} of a ${this.kind}`);
  }

  /** Between two values, in proportion. */
  #quantile(share: number): number {
    const sorted = this.values.toSorted((a, b) => a - b);
    const place = share * (sorted.length - 1);
    const low = sorted[Math.floor(place)] ?? 0;
    return low + ((sorted[Math.ceil(place)] ?? 0) - low) * (place - Math.floor(place));
  }
}

const SHARES: Readonly<Record<string, number>> = { min: 0, med: 0.5, max: 1 };

interface Part {
  readonly name: string;
  readonly tags: Tags;
  readonly series: Series;
}

/** All metrics of a run. */
export class Registry {
  readonly series = new Map<string, Series>();
  readonly #parts: Part[] = [];

  declare(name: string, kind: Kind): void {
    const known = this.series.get(name);
    if (known === undefined) this.series.set(name, new Series(kind));
    else if (known.kind !== kind) throw new RunnerError(`metric ${name} is a ${known.kind} and a ${kind}`);
  }

  /** The series of `name` or `name{tag:value,…}`, which collects from now on. Throws `RunnerError` for an unknown metric. */
  watch(selector: string): Series {
    const [, name = "", inner] = /^([^{]+)(?:\{(.*)\})?$/.exec(selector) ?? [];
    const whole = this.series.get(name);
    if (whole === undefined) throw new RunnerError(`there is no metric ${selector}`);
    if (inner === undefined) return whole;
    const known = this.series.get(selector);
    if (known !== undefined) return known;
    const series = new Series(whole.kind);
    this.#parts.push({ name, tags: tagsOf(inner), series });
    this.series.set(selector, series);
    return series;
  }

  clear(): void {
    for (const series of this.series.values()) series.clear();
  }

  add(name: string, value: number | boolean, tags: Tags = {}): void {
    this.series.get(name)?.add(Number(value));
    for (const part of this.#parts) {
      if (part.name !== name) continue;
      if (Object.entries(part.tags).every(([tag, wanted]) => tags[tag] === wanted))
        part.series.add(Number(value));
    }
  }
}

function tagsOf(text: string): Tags {
  return Object.fromEntries(
    text.split(",").map((pair) => {
      const [tag = "", ...value] = pair.split(":");
      return [tag.trim(), value.join(":").trim()];
    }),
  );
}
