/** A proxy on this machine that hands on every byte a fixed time later, each way: distance to a server that has none. */
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from "node:net";
import { HOST } from "../cluster/ports.ts";
import { DelayLine } from "./delay-line.ts";

export interface DelayProxy {
  /** Where to connect to instead, on 127.0.0.1. */
  readonly port: number;
  /** Ends all its connections. May be called again. */
  stop(): Promise<void>;
}

/** Resolves when it listens. A connection that the server refuses ends at the client. */
export async function startDelayProxy(target: NetConnectOpts, oneWayMs: number): Promise<DelayProxy> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // A small message must not wait for the next.
    socket.setNoDelay(true);
  };
  // Half open: what one side has still to say is heard after the other has ended.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ ...target, allowHalfOpen: true });
    keep(client);
    keep(upstream);
    pump(client, upstream, oneWayMs);
    pump(upstream, client, oneWayMs);
  });
  const port = await listen(server);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
    return stopping;
  };
  return { port, stop };
}

/** Hands on what `from` says, and how it ends. */
function pump(from: Socket, to: Socket, oneWayMs: number): void {
  const line = new DelayLine(oneWayMs);
  from.on("data", (chunk) => line.push(() => void to.write(chunk)));
  from.on("end", () => line.push(() => to.end()));
  from.on("error", () => to.destroy());
  from.on("close", () => {
    if (from.errored !== null) to.destroy();
  });
  to.on("close", () => line.clear());
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: HOST, port: 0 }, () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("a listening server has a port"));
      else resolve(address.port);
    });
  });
}
