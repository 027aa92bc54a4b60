/** Paths, hosts and several parts that are counted by; parts that are missing, plans, costs and conditions. */
import type { Shot } from "./raw.ts";
import { alone, apart, headers, INBORN, type Make, type Row, same, v4 } from "./row.ts";

const path =
  (text: (id: string) => string): Make =>
  (n, id) => ({ target: text(id), ip: v4(n) });
const host =
  (name: (id: string) => string): Make =>
  (n, id) => ({ target: "/host", ip: v4(n), host: name(id) });
const combo = (a: string, b: string): Make =>
  headers("/combo", (id) => [
    ["a", id + a],
    ["b", b],
  ]);
const plan = (name: string): Shot => ({ target: "/plans", headers: [["x-plan", name]] });
const cost = (said: string): Shot => ({ target: "/cost", headers: [["x-cost", said]] });
/** 100 are admitted: after `said` and 50, another 49 fit only if `said` cost no more than 1. */
const costs = (price: "least" | "most", spellings: readonly string[]): Row[] =>
  spellings.map((said) => ({
    what: `a cost of ${JSON.stringify(said.slice(0, 30))} is the ${price}`,
    steps: [
      [(n) => ({ ...cost(said), ip: v4(n) }), "200 owner cost"],
      [(n) => ({ ...cost("50"), ip: v4(n) }), "200 owner cost"],
      [(n) => ({ ...cost("49"), ip: v4(n) }), price === "least" ? "200 owner cost" : "429 owner cost"],
    ],
  }));

export const PART_ROWS: readonly Row[] = [
  ...same(
    "path",
    path((id) => `/path/${id}`),
    {
      "a path in upper case": path((id) => `/PATH/${id.toUpperCase()}`),
      "a path with a slash at its end": path((id) => `/path/${id}/`),
      "a path with slashes at its end": path((id) => `/path/${id}////`),
      "a path with two slashes": path((id) => `//path//${id}`),
      "a path with a backslash": path((id) => `/path\\${id}`),
      "a path with an escaped letter": path((id) => `/path/%${id.charCodeAt(0).toString(16)}${id.slice(1)}`),
      "a path with an escaped slash": path((id) => `/path%2f${id}`),
      "a path with an escaped slash in upper case": path((id) => `/path%2F${id}`),
      "a path with an escaped backslash": path((id) => `/path%5c${id}`),
      "a path with a dot": path((id) => `/path/./${id}`),
      "a path with an escaped dot": path((id) => `/path/%2e/${id}`),
      "a path with two dots": path((id) => `/path/x/../${id}`),
      "a path with two escaped dots": path((id) => `/path/x/%2e%2E/${id}`),
      "a path with dots behind an escaped slash": path((id) => `/path/x%2f..%2f${id}`),
      "a path with parameters": path((id) => `/path/${id};jsessionid=1`),
      "a path with parameters in the middle": path((id) => `/path;a=b/${id}`),
      "a path with escaped parameters": path((id) => `/path/${id}%3bx`),
      "a path with dots and parameters": path((id) => `/path/x/..;/${id}`),
      "a path with a query": path((id) => `/path/${id}?x=1`),
      "a path with a fragment": path((id) => `/path/${id}#x`),
    },
  ),
  ...apart("path", {
    "a path and one with an escaped percent sign": [
      path((id) => `/path/${id}a`),
      path((id) => `/path/${id}%2561`),
    ],
    "a path and one with a NUL": [path((id) => `/path/${id}`), path((id) => `/path/${id}%00`)],
    "a path with an overlong slash and one with a slash": [
      path((id) => `/path/${id}%c0%af`),
      path((id) => `/path/${id}/a`),
    ],
    "bytes that are no UTF-8": [path((id) => `/path/${id}%ff`), path((id) => `/path/${id}%fe`)],
  }),

  ...same(
    "host",
    host((id) => `${id}.com`),
    {
      "a host with a dot at its end": host((id) => `${id}.com.`),
      "a host in upper case": host((id) => `${id.toUpperCase()}.COM`),
      "a host with a port": host((id) => `${id}.com:8080`),
      "a host with an empty port": host((id) => `${id}.com:`),
      "a host with a user": host((id) => `user:password@${id}.com`),
      // The server goes by the header.
      "a target with another host": (n, id) => ({
        target: "http://a.test/host",
        ip: v4(n),
        host: `${id}.com`,
      }),
    },
  ),
  ...apart("host", {
    "a host and one below it": [host((id) => `${id}.com`), host((id) => `a.${id}.com`)],
    "punycode and another": [host((id) => `${id}.xn--bcher-kva.com`), host((id) => `${id}.xn--bchr-5qa.com`)],
  }),
  ...apart("method", {
    "two methods": [
      (n) => ({ target: "/method", ip: v4(n) }),
      (n) => ({ target: "/method", ip: v4(n), method: "PUT" }),
    ],
  }),

  ...apart("combo", {
    "parts that would be one text": [combo("", "x&header:b=y"), combo("&header:b=x", "y")],
    "parts with an escape": [combo("%26", "x"), combo("&", "x")],
    "parts the other way round": [combo("1", "2"), combo("2", "1")],
  }),
  ...same("combo", combo("", "x"), {
    "parts in the other order": headers("/combo", (id) => [
      ["B", "x"],
      ["A", id],
    ]),
  }),
  ...same(
    "combo",
    headers("/combo", (id) => [["a", id]]),
    {
      "a part that is missing, and the other one": headers("/combo", (id) => [["b", id]]),
      "a part that is missing, and one that is empty": headers("/combo", (id) => [
        ["a", id],
        ["b", ""],
      ]),
    },
  ),

  ...alone("403 blocked strict", {
    "missing = deny without the header": { target: "/strict" },
    "missing = deny with an empty header": { target: "/strict", headers: [["x-key", ""]] },
    "missing = deny with a blank header": { target: "/strict", headers: [["x-key", " \t "]] },
  }),
  ...alone("200 unlimited -", {
    "missing = skip without the parameter": { target: "/skip" },
    "missing = skip with an empty parameter": { target: "/skip?k=" },
    "missing = skip with another parameter": { target: "/skip?K=1&kk=2&k[]=3" },
  }),
  ...same("skip", (n, id) => ({ target: `/skip?k=${id}&k=1`, ip: v4(n) }), {
    "missing = skip, and two values": (n, id) => ({ target: `/skip?k=1&k=${id}`, ip: v4(n) }),
  }),

  ...INBORN.filter((name) => !["__proto__", "constructor", "toString"].includes(name)).flatMap((name) =>
    same("plans", (n) => ({ target: "/plans", ip: v4(n) }), {
      [`no plan and the plan ${name}, which is none`]: (n) => ({ ...plan(name), ip: v4(n) }),
    }),
  ),
  ...(["pro", "constructor", "__proto__", "toString"] as const).map((name, at): Row => {
    const shot: Make = (n) => ({ ...plan(name), ip: v4(n) });
    const admitted = Array.from({ length: at + 2 }, () => [shot, "200 owner plans"] as const);
    return { what: `the plan ${name} admits ${at + 2}`, steps: [...admitted, [shot, "429 owner plans"]] };
  }),
  ...same("plans", (n) => ({ ...plan("PRO"), ip: v4(n) }), {
    "a plan in another case and an unknown one": (n) => ({ ...plan("pro, pro"), ip: v4(n) }),
  }),

  ...costs("least", [
    "",
    "0",
    "1",
    "01",
    "-1",
    "-50",
    "1.5",
    "1e3",
    "+5",
    "0x32",
    "5,5",
    "50 50",
    "NaN",
    "Infinity",
    "1_0",
    "\xb2",
    "true",
    "__proto__",
    `${"9".repeat(1_000)}.`,
    "50;",
  ]),
  ...costs("most", [
    "50",
    "051",
    "51",
    "1000",
    "4294967297",
    "18446744073709551617",
    "8".repeat(400),
    "9".repeat(60_000),
  ]),

  ...alone("200 unlimited -", {
    "a header __proto__ that is asked for, of another value": {
      target: "/asked",
      headers: [
        ["__proto__", "no"],
        ["constructor", "yes"],
      ],
    },
    "a header __proto__ that is asked for, and is not there": {
      target: "/asked",
      headers: [["constructor", "yes"]],
    },
    "a parameter of another value": { target: "/asks?mode=y&Mode=x" },
  }),
  ...alone("200 owner asked", {
    "a header __proto__ that is asked for": {
      target: "/asked",
      headers: [
        ["__proto__", "yes"],
        ["constructor", "yes"],
      ],
    },
  }),
  ...alone("200 owner asks", {
    "one of several parameters": { target: "/asks?mode=y&mode=x" },
    "a parameter with escapes": { target: "/asks?%6dode=%78" },
  }),
];
