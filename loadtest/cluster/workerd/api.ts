/** The cluster's API: what it shows (`/api/state`, `/api/traffic`) and what it can be made to suffer (`/api/send`, `/api/fault`). */
import { AutoRouter, type IRequest } from "itty-router";
import type { OwnerState } from "../../../shared/owner/inspect.ts";
import { NOTHING } from "../../../shared/status.ts";
import { PAGE_HEADERS } from "../../../worker/page-headers.ts";
import { parseFault } from "../fault.ts";
import { parseSend } from "../send.ts";
import type { ClusterState, ClusterWaiting, PopState } from "../shapes.ts";
import { sendAll } from "./clients.ts";
import { type CoreEnv, inspectionOf } from "./env.ts";
import { isWatching } from "./hub-link.ts";
import { linkOf, mendAll } from "./links.ts";
import { announcementCount } from "./objects.ts";
import { owners, pops } from "./places.ts";
import { traffic } from "./traffic.ts";

const popNames = pops.map((pop) => pop.name);

type Handler = [request: IRequest, env: CoreEnv];

/** `fetch` of the core service. */
export const router = AutoRouter<IRequest, [CoreEnv]>({
  missing: () => problem(404, NOTHING),
  catch: (error) => problem(500, error instanceof Error ? error.message : String(error)),
});
router
  .get("/", (_, env) => pageFile("index.html", env))
  .get("/cluster.json", (_, env) => noStore(Response.json(env.PAGE_INFO)))
  .get("/favicon.ico", (_, env) => pageFile("icon.svg", env))
  .get("/api/state", async (...[, env]: Handler) => noStore(Response.json(await state(env))))
  .get("/api/traffic", () => noStore(Response.json(traffic())))
  .get("/api/waiting", async (...[, env]: Handler) => noStore(Response.json(await waiting(env))))
  .get("/api/accuracy", async (...[, env]: Handler) => noStore(Response.json(await accuracy(env))))
  .post("/api/fault", injectFault)
  .post("/api/send", send)
  // Called by the launcher alone: it has the clock that a Worker has not.
  .post("/api/heartbeat", heartbeat)
  .get("/:file", ({ params }, env) => pageFile(params.file ?? "", env));

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** A file of the page, as the deployed Worker would send it. */
async function pageFile(name: string, env: CoreEnv): Promise<Response> {
  const type = TYPES[name.slice(name.lastIndexOf(".") + 1)];
  if (type === undefined) return problem(404, NOTHING);
  const file = await env.PAGE.fetch(`http://page/${name}`);
  if (!file.ok) return problem(404, NOTHING);
  return noStore(new Response(file.body, { headers: { ...PAGE_HEADERS, "content-type": type } }));
}

async function send(...[request, env]: Handler): Promise<Response> {
  const parsed = parseSend(await request.text(), popNames);
  return parsed.ok ? noStore(Response.json(await sendAll(env, parsed.send))) : problem(400, parsed.problem);
}

function noStore(response: Response): Response {
  response.headers.set("cache-control", "no-store");
  return response;
}

function problem(status: number, detail: string): Response {
  const titles: Readonly<Record<number, string>> = { 400: "Bad Request", 404: "Not Found" };
  const body = { type: "about:blank", title: titles[status] ?? "Internal Server Error", status, detail };
  return Response.json(body, { status, headers: { "content-type": "application/problem+json" } });
}

async function state(env: CoreEnv): Promise<ClusterState> {
  const now = Date.now();
  const [popStates, ownerRows] = await Promise.all([
    Promise.all(pops.map((pop) => popState(env, pop.name, pop.url))),
    ownerStates(env),
  ]);
  return { now, pops: popStates, owners: ownerRows, announcements: announcementCount() };
}

async function popState(env: CoreEnv, name: string, url: string): Promise<PopState> {
  const { source, keys } = await inspectionOf(env, name).state();
  return { name, url, source, keys };
}

async function waiting(env: CoreEnv): Promise<ClusterWaiting> {
  const backlogs = popNames.map(async (name) => ({ name, ...(await inspectionOf(env, name).waiting()) }));
  return { pops: await Promise.all(backlogs) };
}

/** The figures of live accuracy, as the first POP gets them. */
const accuracy = (env: CoreEnv) => inspectionOf(env, popNames[0] ?? "").accuracy();

async function ownerStates(env: CoreEnv): Promise<OwnerState[]> {
  const rows = await Promise.all([...owners.keys()].map((name) => inspectOwner(env, name)));
  return rows.flat().sort((a, b) => a.rule.localeCompare(b.rule) || a.key.localeCompare(b.key));
}

/** The rows of one owner. One that has forgotten its client leaves the list, unless an Ask was there meanwhile. */
async function inspectOwner(env: CoreEnv, name: string): Promise<OwnerState[]> {
  const place = owners.get(name);
  const asksBefore = place?.asksStarted;
  // A fresh stub each time: one that saw its object die may stay broken.
  const inspect = () => env.KEY_OWNER.getByName(name).inspect();
  const rows = await inspect().catch(inspect);
  if (rows.length === 0 && place?.asksRunning === 0 && place.asksStarted === asksBefore) owners.delete(name);
  return rows.map((row) => ({
    rule: row.rule,
    key: row.key,
    epoch: row.epoch,
    window: row.window,
    count: row.count,
    lent: row.lent ?? 0,
    reserved: row.reserved ?? 0,
    busy: row.busy ?? false,
    limit: row.limit,
    resetAt: row.resetAt,
    claimed: row.claimed,
    claimedBy: row.claimedBy,
    sources: row.sources,
    blockedUntil: row.blockedUntil ?? null,
    override: row.override === null ? null : { limit: row.override.limit, until: row.override.until },
  }));
}

async function injectFault(...[request, env]: Handler): Promise<Response> {
  const parsed = parseFault(await request.text(), popNames);
  if (!parsed.ok) return problem(400, parsed.problem);
  const { fault } = parsed;
  switch (fault.kind) {
    case "kill":
      return killOwner(env, fault.rule, fault.key);
    case "kill-hub":
      // The call dies with the object: its rejection is the success.
      await env.REGION_HUB.getByName(fault.region)
        .die()
        .catch(() => undefined);
      return Response.json({ kill: "hub", region: fault.region });
    case "cut":
      linkOf(fault.link).break();
      return Response.json({ cut: fault.link });
    case "delay":
      linkOf(fault.link).delayMs = fault.delayMs;
      return Response.json({ delayMs: fault.delayMs, link: fault.link });
    case "next":
      linkOf(fault.link).arm(fault.next);
      return Response.json({ next: fault.next, link: fault.link });
    case "skew":
      await inspectionOf(env, fault.pop).skew(fault.skewMs);
      return Response.json({ skewMs: fault.skewMs, pop: fault.pop });
    case "heal":
      mendAll();
      await Promise.all(popNames.map((name) => inspectionOf(env, name).skew(0)));
      return Response.json({ heal: true });
  }
}

async function killOwner(env: CoreEnv, rule: string, key: string): Promise<Response> {
  for (const name of owners.keys()) {
    const rows = await inspectOwner(env, name);
    if (!rows.some((row) => row.rule === rule && row.key === key)) continue;
    // The call dies with the object: its rejection is the success.
    await env.KEY_OWNER.getByName(name)
      .die()
      .catch(() => undefined);
    return Response.json({ kill: "owner", rule, key });
  }
  return problem(404, `no owner of ${JSON.stringify(key)} under the rule ${JSON.stringify(rule)}`);
}

async function heartbeat(...[, env]: Handler): Promise<Response> {
  await Promise.all(popNames.map((name) => inspectionOf(env, name).heartbeat()));
  return Response.json({ watching: popNames.filter(isWatching) });
}
