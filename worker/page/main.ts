/** The live page: follows the stream, and draws what it says at most a few times a second. */
import "./page.css";
import { type Access, change, liveUrl } from "./admin.ts";
import { DecisionChart } from "./chart.ts";
import { clusterHere } from "./cluster.ts";
import { byId, setAttribute, setText } from "./dom.ts";
import { drawFigures } from "./figures.ts";
import { LiveMap } from "./map.ts";
import { type Chosen, overview } from "./overview.ts";
import { Panel } from "./panel.ts";
import { emptyState, fold } from "./state.ts";
import { Story } from "./story.ts";
import { follow, type StreamStatus } from "./stream.ts";
import { Tables } from "./tables.ts";

const TOKEN_KEY = "onecount.token";
/** The page is drawn no more often; what came in between is drawn together. */
const DRAW_EVERY_MS = 200;
const TICK_MS = 1_000;
/** Without a word for so long, what is shown is called old. The stream says something every few seconds. */
const STALE_MS = 8_000;

/** Streams end and are opened anew; a gap no longer than this is none. */
const HANDOVER_MS = 2_500;

/** The API is one level above the page; in the cluster both are at the root. */
const base = new URL("../", document.baseURI).href;

const state = emptyState();
let chosen: Chosen | undefined;
let access: Access | undefined;
let stop = (): void => undefined;
let status: StreamStatus = { kind: "connecting" };
let lastHeardAt = 0;
/** The Worker's clock less this machine's. */
let aheadMs = 0;

const cluster = await clusterHere(base);
const panel = cluster && new Panel({ cluster, choose, chosen: () => chosen });
const map = new LiveMap({
  pops: cluster?.info.pops.map(({ name }) => name) ?? [],
  onPop: panel && ((pop) => panel.sendOne(pop)),
});
const chart = new DecisionChart(state.series);
const tables = new Tables(choose);
const story = new Story({
  change: (client, wanted) =>
    access === undefined ? Promise.reject(new Error("no token")) : change(access, client, wanted),
  close: () => choose(undefined),
});
map.onResize = drawSoon;

function choose(client: Chosen | undefined): void {
  chosen = client && { rule: client.rule, key: client.key, hash: client.hash };
  state.client = null;
  if (chosen !== undefined) panel?.chose(chosen);
  connect();
  drawSoon();
}

function connect(): void {
  stop();
  if (access === undefined) return;
  stop = follow({
    url: liveUrl(access, chosen),
    token: access.token,
    onMessage: (message) => {
      lastHeardAt = Date.now();
      const fresh = fold(state, message);
      aheadMs = state.now - lastHeardAt;
      for (const news of fresh) map.pulse(news.claimedBy, news.blockedUntil !== null);
      drawSoon();
    },
    onStatus: (now) => {
      status = now;
      if (now.kind === "refused") refuse();
      drawStatus();
    },
  });
}

/** A page in the cluster was given the token; elsewhere a person types it. */
function begin(token: string | null): void {
  const form = byId("token-form", HTMLFormElement);
  form.hidden = token !== null;
  byId("board", HTMLElement).hidden = token === null;
  byId("status", HTMLElement).hidden = token === null;
  if (token === null) {
    byId("token", HTMLInputElement).focus();
    return;
  }
  access = { base, token };
  connect();
  drawSoon();
}

function refuse(): void {
  if (cluster !== undefined) return;
  sessionStorage.removeItem(TOKEN_KEY);
  access = undefined;
  begin(null);
  setText(byId("token-problem", HTMLElement), "That is not the token of this Worker.");
}

byId("token-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("token", HTMLInputElement);
  setText(byId("token-problem", HTMLElement), "");
  sessionStorage.setItem(TOKEN_KEY, field.value.trim());
  begin(field.value.trim());
  field.value = "";
});

let isDue = false;
let drawnAt = 0;
/** Draws with one of the next frames, together with whatever else comes until then. */
function drawSoon(): void {
  if (isDue) return;
  isDue = true;
  const wait = Math.max(0, drawnAt + DRAW_EVERY_MS - performance.now());
  setTimeout(() => requestAnimationFrame(draw), wait);
}

function draw(): void {
  // What comes while the parts are drawn is drawn after them.
  isDue = false;
  drawnAt = performance.now();
  if (byId("board", HTMLElement).hidden) return;
  const seen = overview(state, chosen, Date.now() + aheadMs);
  const shown = chosen;
  // One part in each frame, so that no frame is long.
  inTurn([
    () => drawFigures(seen, state.series),
    () => map.draw(seen, state.series.rates),
    () => chart.draw(),
    () => tables.draw(seen, state.accuracy),
    () => story.draw(shown, seen, state.client),
    () => setText(byId("map-hint", HTMLElement), mapHint(shown)),
  ]);
}

function inTurn([first, ...rest]: readonly (() => void)[]): void {
  first?.();
  if (rest.length > 0) requestAnimationFrame(() => inTurn(rest));
}

const mapHint = (shown: Chosen | undefined): string =>
  shown === undefined
    ? "Requests a second at each POP."
    : `Requests of ${shown.key} that each POP admitted in this window.`;

function drawStatus(): void {
  const silentMs = Date.now() - lastHeardAt;
  const isStale = status.kind === "live" && silentMs > STALE_MS;
  // One stream follows the other without a gap that anybody would notice.
  if (status.kind !== "live" && status.kind !== "refused" && silentMs < HANDOVER_MS) return;
  setAttribute(byId("status", HTMLElement), "data-kind", isStale ? "stale" : status.kind);
  setText(
    byId("status-text", HTMLElement),
    isStale ? `Stale: no news for ${Math.round(silentMs / 1_000)} s` : statusWords(),
  );
}

function statusWords(): string {
  const old = lastHeardAt === 0 ? "" : `, figures of ${Math.round((Date.now() - lastHeardAt) / 1_000)} s ago`;
  switch (status.kind) {
    case "connecting":
      return `Connecting …${old}`;
    case "live": {
      const silent = state.silent.size === 0 ? "" : `; nothing from ${[...state.silent].join(", ")}`;
      return `Live, from ${state.pop}${silent}`;
    }
    case "waiting":
      return `Stale: ${status.why}. Again in ${Math.max(1, Math.ceil((status.until - Date.now()) / 1_000))} s${old}`;
    case "refused":
      return "The token is refused";
    default:
      return status satisfies never;
  }
}

setInterval(() => {
  drawStatus();
  // Times that run out are drawn also when nothing comes.
  drawSoon();
}, TICK_MS);

begin(cluster?.info.token ?? sessionStorage.getItem(TOKEN_KEY));
