/** Headers, cookies and parameters that are counted by, and what they are spelled like. */
import { apart, header, headers, INBORN, type Make, type Row, same, v4 } from "./row.ts";

const cookie = (value: (id: string) => string): Make => header("/cookie", "Cookie", value);
const query =
  (text: (id: string) => string): Make =>
  (n, id) => ({ target: `/query?${text(id)}`, ip: v4(n) });
const KB100 = "x".repeat(100_000);

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
];
