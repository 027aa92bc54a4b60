/** What all regions' hubs counted, for whoever scrapes it. */
import { METRICS_CALL_MAX } from "../shared/limits.ts";
import { REGIONS, type Region } from "../shared/region.ts";
import type { AccuracyFigures } from "../shared/telemetry/live.ts";
import { OPENMETRICS_TYPE, openMetrics, type RegionScrape } from "../shared/telemetry/openmetrics.ts";
import type { Env } from "./env.ts";
import { within } from "./timer.ts";

/** Asks all hubs at once. A hub that is out of reach is said to be so: its counters are missing, and come back whole. */
export async function metrics(env: Env, accuracy: readonly AccuracyFigures[]): Promise<Response> {
  const regions = await Promise.all(REGIONS.map((region) => scrape(env, region)));
  return new Response(openMetrics(regions, accuracy), { headers: { "Content-Type": OPENMETRICS_TYPE } });
}

async function scrape(env: Env, region: Region): Promise<RegionScrape> {
  const hub = env.REGION_HUB.getByName(region, { locationHint: region });
  const metrics = await within(hub.metrics(), METRICS_CALL_MAX).catch(() => undefined);
  return [region, metrics];
}
