/** Ports on this machine. All of them on 127.0.0.1. */
import { createServer, type Server } from "node:net";
import { ClusterError } from "./error.ts";

export const HOST = "127.0.0.1";
export const PORT_MAX = 65_535;

/** Throws `ClusterError` naming the first port that cannot be listened on, and whose it was to be. */
export async function requireFree(ports: readonly { port: number; use: string }[]): Promise<void> {
  for (const { port, use } of ports) {
    if (port > PORT_MAX) {
      throw new ClusterError(`no port ${port} for ${use}: ports end at ${PORT_MAX}; choose a lower --port`);
    }
    await listen(port).then(close, (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "is taken" : `cannot be used (${error.code})`;
      throw new ClusterError(`port ${port} (${use}) ${why}; choose another with --port`);
    });
  }
}

/** `count` ports that are free now. Another program may still take one first, so be ready to choose again. */
export async function chooseFree(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("a listening server has a port");
    return address.port;
  });
  await Promise.all(servers.map(close));
  return ports;
}

const listen = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host: HOST, port, exclusive: true }, () => resolve(server));
  });

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
