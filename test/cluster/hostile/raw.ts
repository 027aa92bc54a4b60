/** Requests as bytes: what `fetch` would mend or refuse goes out as it is written. */
import { connect } from "node:net";
import type { Cluster } from "../../../loadtest/cluster/cluster.ts";

export interface Shot {
  readonly method?: string;
  readonly target?: string;
  /** `null` for no header of that name. */
  readonly host?: string | null;
  readonly ip?: string | null;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly version?: string;
}

/** Nobody waits longer for an answer. */
const TIMEOUT_MS = 20_000;

/** The bytes of a request; characters above U+00FF have to be encoded by who writes them. */
function bytesOf({ method = "GET", target = "/", host = "example.com", ip, headers = [], version }: Shot) {
  const lines = [`${method} ${target} ${version ?? "HTTP/1.1"}`];
  if (host !== null) lines.push(`Host: ${host}`);
  if (ip !== null) lines.push(`CF-Connecting-IP: ${ip ?? "192.0.2.1"}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  return Buffer.from(`${lines.join("\r\n")}\r\nConnection: close\r\n\r\n`, "latin1");
}

/** Sends it to a POP; resolves to status, decision and rule, as `200 credit site`, and `-` for what is not said. */
export function shoot(cluster: Cluster, pop: string, shot: Shot): Promise<string> {
  const url = cluster.pops.find(({ name }) => name === pop)?.url ?? "";
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer to ${JSON.stringify(shot)}`)));
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("close", () => resolve(seen(Buffer.concat(chunks).toString("latin1"))));
    socket.write(bytesOf(shot));
  });
}

function seen(answer: string): string {
  const status = /^HTTP\/1\.[01] (\d{3}) /.exec(answer)?.[1] ?? "nothing";
  const said = /^x-onecount: decision=(\w+); pop=\w+(?:; rule=(\S+))?\r$/im.exec(answer);
  return `${status} ${said?.[1] ?? "-"} ${said?.[2] ?? "-"}`;
}
