/** The fields that messages and rows have in common, as they are read: numbers that can be counted with, and a rule's policy. */
import * as v from "valibot";
import { durationMs, epochMs } from "../time.ts";

export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const positive = v.pipe(count, v.minValue(1));
export const time = v.pipe(count, v.transform(epochMs));
export const length = v.pipe(count, v.transform(durationMs));
export const hex = (digits: number) => v.pipe(v.string(), v.length(digits), v.hexadecimal());

/** A RulePolicy. A window of no length would have no end, and a limit of 0 no one to admit. */
export const policySchema = v.object({
  version: hex(16),
  name: v.string(),
  algorithm: v.picklist(["fixed-window", "sliding-window", "token-bucket"]),
  limit: positive,
  grid: v.object({ lengthMs: v.pipe(positive, v.transform(durationMs)), offsetMs: length }),
  threshold: v.exactOptional(positive),
  tellSources: v.exactOptional(v.boolean()),
  lease: v.exactOptional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1))),
  grace: v.exactOptional(positive),
  burst: v.exactOptional(positive),
  reserve: v.exactOptional(v.object({ sources: positive, each: positive, claimed: count })),
  blockForMs: v.exactOptional(length),
});
