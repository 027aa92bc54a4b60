/** The cluster as a workerd configuration, in Cap'n Proto's text form. */
import type { ClusterSetup, Pop } from "./shapes.ts";

export interface ConfigInput {
  readonly setup: ClusterSetup;
  /** `host:port` of the page and the API. */
  readonly address: string;
  readonly vars: Readonly<Record<string, unknown>>;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  /** Where objects keep their storage. */
  readonly storageFolder: string;
}

/** Name of the socket of page and API. */
export const CORE_SOCKET = "core";
/** Name of a POP's service and socket. */
export const popService = (pop: Pop): string => `pop-${pop.name}`;

/** The page's files. */
export const PAGE_FILES = ["page.html", "page.css", "page.js"] as const;

/** The text of `config.capnp`, to lie in one folder with `core.js`, `pop.js` and the page's files. */
export function clusterConfig(input: ConfigInput): string {
  const { pops } = input.setup;
  const sockets = [
    socket(CORE_SOCKET, input.address, "core"),
    ...pops.map((pop) => socket(popService(pop), new URL(pop.url).host, popService(pop))),
  ];
  return document([...services(input)], sockets);
}

/** A configuration of such services and sockets. */
export const document = (services: readonly string[], sockets: readonly string[]): string =>
  `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    ${services.join(",\n    ")}
  ],
  sockets = [
    ${sockets.join(",\n    ")}
  ]
);
`;

function* services(input: ConfigInput): Generator<string> {
  yield worker("core", "core.js", input, coreBindings(input), CORE_OBJECTS);
  for (const pop of input.setup.pops) yield worker(popService(pop), "pop.js", input, popBindings(input, pop));
  yield* surroundings(input.storageFolder);
}

/** The disk of objects whose storage is `localDisk = "storage"`, and the network: nothing may reach it, a request that would is a bug. */
export function* surroundings(storageFolder: string): Generator<string> {
  yield `(name = "storage", disk = (path = ${text(storageFolder)}, writable = true))`;
  yield `(name = "internet", network = (allow = []))`;
}

/** `localDisk`, because objects in memory lose their storage when they are aborted. */
const CORE_OBJECTS = `
      durableObjectNamespaces = [
        (className = "ClusterKeyOwner", uniqueKey = "KeyOwner", enableSql = true),
        (className = "ClusterRegionHub", uniqueKey = "RegionHub", enableSql = true)
      ],
      durableObjectStorage = (localDisk = "storage"),`;

export function worker(
  name: string,
  module: string,
  input: Pick<ConfigInput, "compatibilityDate" | "compatibilityFlags">,
  bindings: readonly string[],
  more = "",
): string {
  return `(name = ${text(name)}, worker = (
      modules = [(name = ${text(module)}, esModule = embed ${text(module)})],
      compatibilityDate = ${text(input.compatibilityDate)},
      compatibilityFlags = [${input.compatibilityFlags.map(text).join(", ")}],${more}
      bindings = [
        ${bindings.join(",\n        ")}
      ]
    ))`;
}

const coreBindings = ({ setup, vars }: ConfigInput): string[] => [
  ...variables(vars),
  variable("CLUSTER", setup),
  `(name = "KEY_OWNER", durableObjectNamespace = "ClusterKeyOwner")`,
  `(name = "REGION_HUB", durableObjectNamespace = "ClusterRegionHub")`,
  ...setup.pops.map(
    (pop) =>
      `(name = ${text(`POP_${pop.name}`)}, service = (name = ${text(popService(pop))}, entrypoint = "Inspect"))`,
  ),
  ...PAGE_FILES.map(
    (file) => `(name = "${file.toUpperCase().replace(".", "_")}", text = embed ${text(file)})`,
  ),
];

const popBindings = ({ vars }: ConfigInput, pop: Pop): string[] => [
  ...variables(vars),
  variable("POP", pop),
  `(name = "KEY_OWNER", durableObjectNamespace = (className = "ClusterKeyOwner", serviceName = "core"))`,
  coreEntrypoint("HUB_LINK", "HubLink", pop),
  coreEntrypoint("ORIGIN", "Origin", pop),
];

export function coreEntrypoint(binding: string, entrypoint: string, pop: Pop): string {
  const props = `(json = ${text(JSON.stringify({ pop: pop.name }))})`;
  return `(name = "${binding}", service = (name = "core", entrypoint = "${entrypoint}", props = ${props}))`;
}

const variables = (vars: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(vars).map(([name, value]) => variable(name, value));

/** A string stays one, anything else arrives parsed, as with `[vars]`. */
export const variable = (name: string, value: unknown): string =>
  typeof value === "string"
    ? `(name = ${text(name)}, text = ${text(value)})`
    : `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`;

export const socket = (name: string, address: string, service: string): string =>
  `(name = ${text(name)}, address = ${text(address)}, http = (), service = ${text(service)})`;

/** A Cap'n Proto string literal. It knows no `\\u`, so control characters go as `\\x`. */
function text(value: string): string {
  const escaped = value.replace(/["\\]/g, "\\$&").replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not stand in a literal
    /[\u0000-\u001f\u007f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return `"${escaped}"`;
}
