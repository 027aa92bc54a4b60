/**
 * The link between one POP and the hubs. It stands between the two ends of a watch and passes every frame
 * on, later. It lives outside the hub, so that the hub's sockets sleep and wake as in production.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { type CoreEnv, REGION_HEADER } from "./env.ts";
import { Exchange, type Link, LinkError, linkOf, untilMended } from "./links.ts";
import type { ClusterRegionHub } from "./objects.ts";
import { popToHubMs } from "./places.ts";

/** Open watches by POP. */
const watches = new Map<string, number>();
/** Whether that POP has a watch open on its hub. */
export const isWatching = (pop: string): boolean => (watches.get(pop) ?? 0) > 0;

/** Close codes that a peer may not send: they only report that nothing was sent. */
const UNSENDABLE_CODES: readonly number[] = [1005, 1006, 1015];

/** Passes a POP's watch on to the hub named in `REGION_HEADER`. The POP's name is bound to it as a prop. */
export class HubLink extends WorkerEntrypoint<CoreEnv, { readonly pop: string }> {
  override async fetch(request: Request): Promise<Response> {
    const { pop } = this.ctx.props;
    const region = request.headers.get(REGION_HEADER) ?? "";
    const link = linkOf([pop, "hub"]);
    const oneWayMs = popToHubMs(pop, region);
    const exchange = new Exchange(link);
    await exchange.travel(oneWayMs);
    if (exchange.lost) throw new LinkError(link);
    const response = await this.env.REGION_HUB.getByName(region).fetch(request);
    await exchange.travel(oneWayMs);
    const hubSide = response.webSocket;
    if (exchange.lost) {
      hubSide?.accept();
      hubSide?.close(1011, "link cut");
      throw new LinkError(link);
    }
    if (hubSide === null) return response;
    const isWatch = new URL(request.url).pathname === "/watch";
    return relay(response, hubSide, { pop, link, oneWayMs, isWatch });
  }

  // What a hub is asked by a call, from the POP.

  claims(region: string, ...asked: Parameters<ClusterRegionHub["claims"]>) {
    return this.#travel(region, (hub) => hub.claims(...asked));
  }

  report(region: string, frame: Uint8Array): Promise<Uint8Array> {
    return this.#travel(region, (hub) => hub.report(frame));
  }

  sighted(region: string, frame: Uint8Array): Promise<void> {
    return this.#travel(region, async (hub) => {
      await hub.sighted(frame);
    });
  }

  metrics(region: string) {
    return this.#travel(region, (hub) => hub.metrics());
  }

  story(region: string, ...asked: Parameters<ClusterRegionHub["story"]>) {
    return this.#travel(region, (hub) => hub.story(...asked));
  }

  async #travel<T>(
    region: string,
    call: (hub: DurableObjectStub<ClusterRegionHub>) => Promise<T>,
  ): Promise<T> {
    const { pop } = this.ctx.props;
    const link = linkOf([pop, "hub"]);
    const exchange = new Exchange(link);
    await exchange.travel(popToHubMs(pop, region));
    if (exchange.lost) throw new LinkError(link);
    const answer = await call(this.env.REGION_HUB.getByName(region));
    await exchange.travel(popToHubMs(pop, region));
    if (exchange.lost) throw new LinkError(link);
    return answer;
  }
}

interface Way {
  readonly pop: string;
  readonly link: Link;
  readonly oneWayMs: number;
  /** Whether it is an isolate's own connection, not a live page's. */
  readonly isWatch: boolean;
}

function relay(response: Response, hubSide: WebSocket, { pop, link, oneWayMs, isWatch }: Way): Response {
  const { 0: toPop, 1: popSide } = new WebSocketPair();
  for (const socket of [hubSide, popSide]) {
    socket.accept();
    socket.binaryType = "arraybuffer";
  }
  if (isWatch) {
    watches.set(pop, (watches.get(pop) ?? 0) + 1);
    popSide.addEventListener("close", () => watches.set(pop, (watches.get(pop) ?? 1) - 1), { once: true });
  }
  // A stream never skips: a connection that lost a frame breaks once the link is mended, as TCP would
  // break it. Then the POP connects anew and hears what it missed.
  let broken = false;
  const onLoss = async (): Promise<void> => {
    if (broken) return;
    broken = true;
    await untilMended(link);
    for (const socket of [hubSide, popSide]) close(socket, 1011, "link cut");
  };
  pump(hubSide, popSide, link, oneWayMs, onLoss);
  pump(popSide, hubSide, link, oneWayMs, onLoss);
  return new Response(null, { status: 101, headers: response.headers, webSocket: toPop });
}

/** Passes what `from` hears to `to`, one way later and in order, also when the delay changes in between. */
function pump(
  from: WebSocket,
  to: WebSocket,
  link: Link,
  oneWayMs: number,
  onLoss: () => Promise<void>,
): void {
  let tail: Promise<void> = Promise.resolve();
  const later = (then: () => void | Promise<void>): void => {
    const due = Date.now() + oneWayMs + link.delayMs;
    tail = tail.then(async () => {
      if (due > Date.now()) await scheduler.wait(due - Date.now());
      await then();
    });
  };
  from.addEventListener("message", ({ data }) => {
    const exchange = new Exchange(link);
    later(() => {
      if (exchange.lost) void onLoss();
      else if (to.readyState === WebSocket.OPEN) to.send(data);
    });
  });
  from.addEventListener("close", ({ code, reason }) => later(() => close(to, code, reason)), { once: true });
}

function close(socket: WebSocket, code: number, reason: string): void {
  try {
    if (UNSENDABLE_CODES.includes(code)) socket.close();
    else socket.close(code, reason);
  } catch {
    // Closed already, by the other end: nothing is left to do.
  }
}
