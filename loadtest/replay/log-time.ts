/** The notations of time found in access logs. */
import { type EpochMs, epochMs } from "../../shared/time.ts";

export interface LoggedTime {
  readonly at: EpochMs;
  /** The log gave no more than the second, so the request may lie anywhere in it. */
  readonly wholeSecond: boolean;
}

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
const COMMON = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?: ?([+-])(\d{2})(\d{2}))?$/;
const ISO =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)? ?(Z|[+-]\d{2}:?\d{2}|UTC)?$/i;

/** Reads `17/Dec/2025:09:03:01 +0000` or ISO 8601; without a zone it is UTC. `undefined` when it is neither. */
export function parseTime(text: string): LoggedTime | undefined {
  return parseCommonTime(text) ?? parseIsoTime(text);
}

function parseCommonTime(text: string): LoggedTime | undefined {
  const found = COMMON.exec(text);
  if (found === null) return undefined;
  const [, day = "", month = "", year = "", hour = "", minute = "", second = "", sign, zoneHour, zoneMinute] =
    found;
  const monthIndex = MONTHS.indexOf(month);
  if (monthIndex < 0 || monthIndex % 3 !== 0) return undefined;
  const monthNumber = String(monthIndex / 3 + 1).padStart(2, "0");
  const zone = sign === undefined ? "Z" : `${sign}${zoneHour}:${zoneMinute}`;
  return parseIsoTime(`${year}-${monthNumber}-${day}T${hour}:${minute}:${second}${zone}`);
}

function parseIsoTime(text: string): LoggedTime | undefined {
  const found = ISO.exec(text);
  if (found === null) return undefined;
  const [, date = "", minutes = "00:00", seconds = "00", fraction, zone = "Z"] = found;
  const offset = /^[+-]/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(-2)}` : "Z";
  const utc = Date.parse(`${date}T${minutes}:${seconds}Z`);
  const at = Date.parse(`${date}T${minutes}:${seconds}${offset}`);
  // `Date` takes the 31st of February for the 3rd of March.
  if (Number.isNaN(at) || new Date(utc).toISOString().slice(0, 10) !== date) return undefined;
  const ms = fraction === undefined ? 0 : Number(fraction.padEnd(3, "0").slice(0, 3));
  return { at: epochMs(at + ms), wholeSecond: fraction === undefined };
}

/** Years 1990 to 2200 in seconds: outside, a number is no time, or counted in another unit. */
const SECONDS_MIN = 631_152_000;
const SECONDS_MAX = 7_258_118_400;

/** Reads a count since 1970 in seconds, milliseconds, microseconds or nanoseconds, told apart by its size. */
export function parseEpoch(value: number): LoggedTime | undefined {
  for (const perSecond of [1, 1e3, 1e6, 1e9]) {
    const seconds = value / perSecond;
    if (seconds >= SECONDS_MIN && seconds <= SECONDS_MAX) {
      return {
        at: epochMs(Math.round(seconds * 1_000)),
        wholeSecond: perSecond === 1 && Number.isInteger(value),
      };
    }
  }
  return undefined;
}
