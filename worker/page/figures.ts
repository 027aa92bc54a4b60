/** The figures at the top of the page. */
import { byId, setText } from "./dom.ts";
import { count, duration, percent, rate } from "./format.ts";
import type { Overview } from "./overview.ts";
import type { Series } from "./series.ts";

/** Rates are means of so many seconds; shares of so many. */
const RATE_SECONDS = 5;
const SHARE_SECONDS = 60;

export function drawFigures(seen: Overview, series: Series): void {
  const write = (name: string, text: string): void => setText(byId(`figure-${name}`, HTMLElement), text);
  const now = series.totals(RATE_SECONDS);
  write("requests", rate(now.all / RATE_SECONDS));
  write("denied", rate(now.denied / RATE_SECONDS));
  const minute = series.totals(SHARE_SECONDS);
  const waited = minute.byDecision.owner + minute.byDecision.degraded;
  write("waited", minute.all < 0.5 ? "–" : percent(waited / minute.all));
  write("claimed", count(seen.claimed));
  write("claimed-of", `of ${count(seen.clients.length)} clients`);
  write("blocked", count(seen.blocked));
  write("skew", seen.skew === null ? "–" : duration(seen.skew.medianMs));
  write("skew-of", seen.skew === null ? "first to last" : `median, worst ${duration(seen.skew.worstMs)}`);
}
