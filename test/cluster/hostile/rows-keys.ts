/** What else is counted by, and what it is spelled like: headers, cookies, parameters, paths, hosts, plans and costs. */
import type { Shot } from "./raw.ts";
import { alone, apart, type Make, type Row, same, v4 } from "./row.ts";

const header =
  (target: string, name: string, value: (id: string) => string): Make =>
  (n, id) => ({ target, ip: v4(n), headers: [[name, value(id)]] });
const headers =
  (target: string, list: (id: string) => readonly (readonly [string, string])[]): Make =>
  (n, id) => ({ target, ip: v4(n), headers: list(id) });
const cookie = (value: (id: string) => string): Make => header("/cookie", "Cookie", value);
const query =
  (text: (id: string) => string): Make =>
  (n, id) => ({ target: `/query?${text(id)}`, ip: v4(n) });
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
const KB100 = "x".repeat(100_000);

/** What every object has from birth. */
const INBORN = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"];

const cost = (said: string): Shot => ({ target: "/cost", headers: [["x-cost", said]] });
/** After `said` and one of 50, a second one of 50 fits only if `said` cost nothing; with `isMost` not even the first. */
const costs = (price: "least" | "most", spellings: readonly string[]): Row[] =>
  spellings.map((said) => ({
    what: `a cost of ${JSON.stringify(said.slice(0, 30))} is the ${price}`,
    steps: [
      [(n) => ({ ...cost(said), ip: v4(n) }), "200 owner cost"],
      [(n) => ({ ...cost("50"), ip: v4(n) }), "200 owner cost"],
      [(n) => ({ ...cost("49"), ip: v4(n) }), price === "least" ? "200 owner cost" : "429 owner cost"],
    ],
  }));

export const KEY_ROWS: readonly Row[] = [
  ...same(
    "header",
    header("/header", "x-key", (id) => id),
    {
      "a header's name in upper case": header("/header", "X-KEY", (id) => id),
      "a header's name in mixed case": header("/header", "x-KeY", (id) => id),
      "a header's value with blanks": header("/header", "x-key", (id) => ` \t ${id} \t`),
      "a header beside 200 others": headers("/header", (id) => [
        ...Array.from({ length: 200 }, (_, at) => [`x-other-${at}`, "1"] as const),
        ["x-key", id],
      ]),
    },
  ),
  ...same(
    "header",
    header("/header", "x-key", (id) => id + KB100),
    {
      "a header of 100 KB": header("/header", "x-key", (id) => id + KB100),
    },
  ),
  ...apart("header", {
    "headers that differ in case": [
      header("/header", "x-key", (id) => id),
      header("/header", "x-key", (id) => id.toUpperCase()),
    ],
    "100 KB that differ in the last character": [
      header("/header", "x-key", (id) => `${id}${KB100}a`),
      header("/header", "x-key", (id) => `${id}${KB100}b`),
    ],
    "a header and the same twice": [
      header("/header", "x-key", (id) => id),
      headers("/header", (id) => [
        ["x-key", id],
        ["x-key", id],
      ]),
    ],
    "a header and its escape": [
      header("/header", "x-key", (id) => `${id}&`),
      header("/header", "x-key", (id) => `${id}%26`),
    ],
    "Latin-1 and UTF-8": [
      header("/header", "x-key", (id) => `${id}\xe9`),
      header("/header", "x-key", (id) => `${id}\xc3\xa9`),
    ],
    "an overlong UTF-8 slash and a slash": [
      header("/header", "x-key", (id) => `${id}\xc0\xaf`),
      header("/header", "x-key", (id) => `${id}/`),
    ],
    "a value and one that looks like an address's text": [
      header("/header", "x-key", (id) => id),
      header("/header", "x-key", (id) => `ip=${id}`),
    ],
  }),
  ...INBORN.flatMap((name) =>
    same(
      "header",
      header("/header", "x-key", (id) => id),
      {
        [`a value beside the header ${name}`]: headers("/header", (id) => [
          [name, "1"],
          ["x-key", id],
        ]),
      },
    ),
  ),
  ...apart("proto-header", {
    "two values of a header __proto__": [
      header("/proto-header", "__proto__", (id) => id),
      header("/proto-header", "__PROTO__", (id) => `${id}2`),
    ],
  }),
  ...apart("proto-cookie", {
    "two values of a cookie __proto__": [
      header("/proto-cookie", "Cookie", (id) => `__proto__=${id}`),
      header("/proto-cookie", "Cookie", (id) => `constructor=1; __proto__=${id}2`),
    ],
  }),
  ...apart("proto-query", {
    "two values of a parameter __proto__": [
      (n, id) => ({ target: `/proto-query?__proto__=${id}`, ip: v4(n) }),
      (n, id) => ({ target: `/proto-query?constructor=1&__proto__=${id}2`, ip: v4(n) }),
    ],
  }),
  // The runtime reads values as UTF-8: what is none is one and the same to every Worker, and to an origin behind it.
  ...same(
    "header",
    header("/header", "x-key", (id) => `${id}\xed\xa0\x80`),
    { "a lone surrogate and another": header("/header", "x-key", (id) => `${id}\xed\xbf\xbf`) },
  ),
  ...apart(
    "header",
    Object.fromEntries(
      INBORN.map((name) => [
        `the value ${name} and another`,
        [header("/header", "x-key", () => name), header("/header", "x-key", (id) => name + id)] as const,
      ]),
    ),
  ),

  ...same(
    "cookie",
    cookie((id) => `sid=${id}`),
    {
      "a cookie in quotes": cookie((id) => `sid="${id}"`),
      "a cookie with an escape": cookie((id) => `sid=%${id.charCodeAt(0).toString(16)}${id.slice(1)}`),
      "a cookie with an escape in quotes": cookie(
        (id) => `sid="%${id.charCodeAt(0).toString(16)}${id.slice(1)}"`,
      ),
      "a cookie with blanks": cookie((id) => `  sid \t=  ${id}  `),
      "a cookie after others": cookie((id) => `a=1; b="2"; ; =; ;;; sid=${id}`),
      "a cookie before others": cookie((id) => `sid=${id}; sid2=x; Sid=y; SID=z`),
      "a cookie without a blank before it": cookie((id) => `a=1;sid=${id};b=2`),
      "a cookie twice": cookie((id) => `sid=${id}; sid=${id}`),
      "a cookie twice, once in quotes": cookie((id) => `sid=${id}; sid="${id}"`),
      "a cookie after names alone": cookie((id) => `a; b; c; sid=${id}`),
      "a cookie after 100 KB of semicolons": cookie((id) => `${";".repeat(100_000)}sid=${id}`),
      "a cookie after 100 KB of another": cookie((id) => `a=${KB100}; sid=${id}`),
      "a cookie after 20,000 others": cookie((id) => `${"a=1; ".repeat(20_000)}sid=${id}`),
      "a cookie beside __proto__": cookie((id) => `__proto__=1; constructor=2; sid=${id}`),
    },
  ),
  ...same(
    "cookie",
    cookie((id) => `sid=${id}1; sid=${id}2`),
    {
      "two cookies, the first one another": cookie((id) => `sid=${id}3; sid=${id}2`),
      "two cookies, the last one another": cookie((id) => `sid=${id}1; sid=${id}4`),
      "two cookies, and then none": cookie(() => "a=1"),
      "two cookies, and then an empty one": cookie(() => "sid="),
      "two cookies, and then one that is no cookie": cookie(() => "sid"),
    },
  ),
  ...apart("cookie", {
    "cookies of 100 KB that differ in the last character": [
      cookie((id) => `sid=${id}${KB100}a`),
      cookie((id) => `sid=${id}${KB100}b`),
    ],
    "a cookie and one with an escaped percent sign": [
      cookie((id) => `sid=${id}A`),
      cookie((id) => `sid=${id}%2541`),
    ],
    "a cookie with = in it": [cookie((id) => `sid=${id}=a`), cookie((id) => `sid=${id}=b`)],
    "a cookie and one with an escape that is no UTF-8": [
      cookie((id) => `sid=${id}`),
      cookie((id) => `sid=${id}%ff`),
    ],
    "a cookie and its name in another case": [cookie((id) => `sid=${id}`), cookie((id) => `SID=${id}`)],
  }),

  ...same(
    "query",
    query((id) => `k=${id}`),
    {
      "a parameter with an escape": query((id) => `k=%${id.charCodeAt(0).toString(16)}${id.slice(1)}`),
      "a parameter's name with an escape": query((id) => `%6B=${id}`),
      "a parameter after others": query((id) => `a=1&&&=&b&k=${id}`),
      "a parameter twice": query((id) => `k=${id}&k=${id}`),
      "a parameter before a fragment": query((id) => `k=${id}#k=2`),
      "a parameter after 50 KB of &": query((id) => `${"&".repeat(50_000)}k=${id}`),
      "a parameter after 5,000 others": query((id) => `${"a=1&".repeat(5_000)}k=${id}`),
      "a parameter beside __proto__": query((id) => `__proto__=1&constructor=2&__proto__[k]=3&k=${id}`),
      "a parameter after a second question mark": query((id) => `?=1&k=${id}`),
    },
  ),
  ...same(
    "query",
    query((id) => `k=${id}1&k=${id}2`),
    {
      "two parameters, the first one another": query((id) => `k=${id}3&k=${id}2`),
      "two parameters, the last one another": query((id) => `k=${id}1&k=${id}4`),
      "two parameters, the first one empty": query((id) => `k=&k=${id}5`),
      "two parameters, and then none": query(() => "a=1"),
      "two parameters, and then one in brackets": query((id) => `k[]=${id}6`),
      "two parameters, and then an empty one": query(() => "k="),
    },
  ),
  ...apart("query", {
    "a parameter and a NUL": [query((id) => `k=${id}`), query((id) => `k=${id}%00`)],
    "a NUL and a line feed": [query((id) => `k=${id}%00`), query((id) => `k=${id}%0a`)],
    "a NUL and what it is shown as": [query((id) => `k=${id}%00`), query((id) => `k=${id}%2500`)],
    "an overlong slash and a slash": [query((id) => `k=${id}%c0%af`), query((id) => `k=${id}%2f`)],
    "an escape of an escape": [query((id) => `k=${id}A`), query((id) => `k=${id}%2541`)],
    "a plus sign and what it stands for": [query((id) => `k=${id}%2b`), query((id) => `k=${id}+`)],
    "a part's end that is none": [query((id) => `k=${id}`), query((id) => `k=${id}%26query:k=1`)],
    "an astral character and another": [
      query((id) => `k=${id}%f0%9f%98%80`),
      query((id) => `k=${id}%f0%9f%98%81`),
    ],
  }),

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
