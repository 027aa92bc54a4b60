/** The cluster as a workerd configuration, in Cap'n Proto's text form. */
import type { ClusterInfo } from "../../worker/page/cluster-info.ts";
import type { ClusterSetup, Pop } from "./shapes.ts";

export interface Compatibility {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
}

export interface ConfigInput extends Compatibility {
  readonly setup: ClusterSetup;
  /** `host:port` of the page and the API. */
  readonly address: string;
  readonly vars: Readonly<Record<string, unknown>>;
  /** Where objects keep their storage. */
  readonly storageFolder: string;
  /** Where the page's files are, and what they are told of the cluster. */
  readonly pageFolder: string;
  readonly pageInfo: ClusterInfo;
}

/** Name of the socket of page and API. */
export const CORE_SOCKET = "core";
/** Name of a POP's service and socket. */
export const popService = (pop: Pop): string => `pop-${pop.name}`;

/** The text of `config.capnp`, to lie in one folder with `core.js` and `pop.js`. */
export function clusterConfig(input: ConfigInput): string {
  const { pops } = input.setup;
  const sockets = [
    socket(CORE_SOCKET, input.address, "core"),
    ...pops.map((pop) => socket(popService(pop), new URL(pop.url).host, popService(pop))),
  ];
  return configOf([...services(input)], sockets);
}

/** The text of a configuration file, from its services and sockets. */
export const configOf = (
  services: readonly string[],
  sockets: readonly string[],
  v8Flags: readonly string[] = [],
): string => `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    ${services.join(",\n    ")}
  ],
  sockets = [
    ${sockets.join(",\n    ")}
  ],
  v8Flags = [${v8Flags.map(text).join(", ")}]
);
`;

function* services(input: ConfigInput): Generator<string> {
  yield worker("core", "core.js", input, coreBindings(input), objects("ClusterKeyOwner", "ClusterRegionHub"));
  for (const pop of input.setup.pops) yield worker(popService(pop), "pop.js", input, popBindings(input, pop));
  yield storage(input.storageFolder);
  yield `(name = "page", disk = (path = ${text(input.pageFolder)}))`;
  yield NO_INTERNET;
}

/** The service that `objects` store in. */
export const storage = (folder: string): string =>
  `(name = "storage", disk = (path = ${text(folder)}, writable = true))`;

/** Nothing that runs here may reach the network: a request that would is a bug. */
export const NO_INTERNET = `(name = "internet", network = (allow = []))`;

/**
 * The two namespaces of a worker with these classes.
 * `localDisk`, because objects in memory lose their storage when they are aborted.
 */
export const objects = (keyOwner: string, regionHub: string): string => `
      durableObjectNamespaces = [
        (className = ${text(keyOwner)}, uniqueKey = "KeyOwner", enableSql = true),
        (className = ${text(regionHub)}, uniqueKey = "RegionHub", enableSql = true)
      ],
      durableObjectStorage = (localDisk = "storage"),`;

/** A service that runs a module which lies beside the configuration; `more`: further fields, such as `objects`. */
export function worker(
  name: string,
  module: string,
  input: Compatibility,
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

const coreBindings = ({ setup, vars, pageInfo }: ConfigInput): string[] => [
  ...variables(vars),
  variable("CLUSTER", setup),
  variable("PAGE_INFO", pageInfo),
  `(name = "PAGE", service = "page")`,
  `(name = "KEY_OWNER", durableObjectNamespace = "ClusterKeyOwner")`,
  `(name = "REGION_HUB", durableObjectNamespace = "ClusterRegionHub")`,
  ...setup.pops.flatMap((pop) => [
    `(name = ${text(`POP_${pop.name}`)}, service = (name = ${text(popService(pop))}, entrypoint = "Inspect"))`,
    `(name = ${text(`CLIENTS_${pop.name}`)}, service = ${text(popService(pop))})`,
  ]),
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

/** Bindings for variables. */
export const variables = (vars: Readonly<Record<string, unknown>>): string[] =>
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
