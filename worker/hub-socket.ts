/** Connections to hubs. */
import { WATCH_CONNECT_MAX } from "../shared/limits.ts";
import type { Region } from "../shared/region.ts";
import type { Env } from "./env.ts";
import { within } from "./timer.ts";

/** Opens one, not accepted yet; `undefined` where there is none in time. One that comes later is closed. Never rejects. */
export async function hubSocket(
  { REGION_HUB }: Pick<Env, "REGION_HUB">,
  region: Region,
  path: string,
): Promise<WebSocket | undefined> {
  try {
    const hub = REGION_HUB.getByName(region, { locationHint: region });
    const upgrade = hub.fetch(`https://hub${path}`, { headers: { Upgrade: "websocket" } });
    const response = await within(upgrade, WATCH_CONNECT_MAX);
    if (response === undefined) upgrade.then(drop, () => undefined);
    return response?.webSocket ?? undefined;
  } catch {
    return undefined;
  }
}

/** The hub would go on telling it what nobody hears. */
function drop({ webSocket }: Response): void {
  webSocket?.accept();
  webSocket?.close(1000, "too late");
}
