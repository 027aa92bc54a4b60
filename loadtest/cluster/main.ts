/** `npm start`: a cluster of POPs on this machine, until it is told to stop. */
import { fail, options, runCli } from "../tools/cli.ts";
import { type Cluster, type ClusterOptions, startCluster } from "./cluster.ts";
import { ClusterError } from "./error.ts";
import { DEFAULT_POPS } from "./pops.ts";
import { PORT_MAX } from "./ports.ts";

const DEFAULT_PORT = 8787;
const HELP = `npm start -- [options]

Starts a local cluster: each POP is a Worker of its own, as far from the others as its city is.
The page and its API are on --port, the POPs on the next ports in order. Ctrl-C ends it.

  --rules FILE      a wrangler.toml with the rules (default: the repository's, and one for /slide to play with)
  --pops CODES      IATA codes, comma between them (default: ${DEFAULT_POPS.join(",")})
                    or the city codes CHI, LON, NYC, PAR, TYO
  --port PORT       port of the page (default: ${DEFAULT_PORT})
  --distance FACTOR factor on the simulated round trips; 0 for none (default: 1)
  --idle            no heartbeat: a POP without requests hears no announcements
  --quiet           print the line \`ready URL\` and errors, nothing else
  --help            this text

The page plays the slide that the idea comes from, sends requests and breaks things; so do, without it:
POST /api/send {"pop":"LHR","ip":"203.0.113.9","path":"/login","method":"POST","count":20,"perSecond":10}
GET /api/state shows every POP and owner, GET /api/traffic how many calls reached owners. POST /api/fault breaks something:
  {"kill":"owner","rule":"…","key":"ip=203.0.113.9"}   drops an owner's memory
  {"cut":["LHR","owner"]}   {"cut":["LHR","hub"]}      cuts a POP off from the owners, or from its hub
  {"delayMs":800,"link":["TYO","owner"]}               adds 800 ms to each way of a link
  {"heal":true}                                        mends every link, and takes all delay away
The admin API is below /v1 on the same port; its token is "local", or what the environment's ADMIN_TOKEN says:
  curl -H 'Authorization: Bearer local' http://127.0.0.1:8787/v1/rules
`;

void runCli(async () => {
  const { values } = options(
    {
      rules: { type: "string" },
      pops: { type: "string" },
      port: { type: "string" },
      distance: { type: "string" },
      idle: { type: "boolean" },
      quiet: { type: "boolean" },
    },
    HELP,
  );
  const quiet = values.quiet === true;
  const stopped = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopped.abort());
  const cluster = await start({
    ...(values.rules === undefined ? { slide: true } : { rules: values.rules }),
    pops: values.pops?.split(",") ?? DEFAULT_POPS,
    port: readNumber(
      "port",
      values.port,
      DEFAULT_PORT,
      (port) => Number.isInteger(port) && port >= 1 && port <= PORT_MAX,
      `a whole number from 1 to ${PORT_MAX}`,
    ),
    distance: readNumber("distance", values.distance, 1, (factor) => factor >= 0, "0 or a positive number"),
    idle: values.idle === true,
    signal: stopped.signal,
    ...(process.env.ADMIN_TOKEN ? { vars: { ADMIN_TOKEN: process.env.ADMIN_TOKEN } } : {}),
    ...(quiet ? {} : { onOutput: (line: string) => console.error(line) }),
  });
  if (cluster === undefined) return 0;
  console.log(`ready ${cluster.url}`);
  if (!quiet) console.log(welcome(cluster));
  await Promise.race([untilAborted(stopped.signal), cluster.ended]);
  await cluster.stop();
  if (!stopped.signal.aborted) fail(`workerd has died: ${await cluster.ended}`);
  // Connections that a client holds to nothing must not keep the process.
  process.exit(0);
});

/** The cluster; `undefined` when it was told to stop before it was there. */
async function start(wanted: ClusterOptions): Promise<Cluster | undefined> {
  try {
    return await startCluster(wanted);
  } catch (error) {
    if (wanted.signal?.aborted) return undefined;
    if (error instanceof ClusterError) return fail(error.message);
    throw error;
  }
}

function readNumber(
  option: string,
  text: string | undefined,
  fallback: number,
  fits: (value: number) => boolean,
  allowed: string,
): number {
  if (text === undefined) return fallback;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!fits(value)) fail(`--${option} is ${JSON.stringify(text)}; allowed: ${allowed}`);
  return value;
}

function welcome({ url, pops }: Cluster): string {
  const width = Math.max(...pops.map((pop) => pop.name.length));
  const lines = pops.map((pop) => `  ${pop.name.padEnd(width)}  ${pop.url}  ${pop.city.name}`);
  const [first] = pops;
  return [
    "",
    ...lines,
    "",
    `  watch:  ${url}`,
    `  try:    curl -i -H 'CF-Connecting-IP: 203.0.113.9' ${first?.url ?? url}/`,
    "",
  ].join("\n");
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
