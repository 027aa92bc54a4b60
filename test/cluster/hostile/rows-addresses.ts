/** Clients' addresses: one client in many spellings, many clients in similar ones, and lists of them. */
import { alone, apart, hex, type Make, type Row, same, v4 } from "./row.ts";

const at =
  (target: string, address: (n: number) => string | null): Make =>
  (n) => ({ target, ip: address(n) });
const one = (address: (n: number) => string | null): Make => at("/one", address);
/** The two halves of an IPv4 address as IPv6 writes it. */
const halves = (n: number): string => `6440:${n.toString(16)}`;

/** All of these are none, and so one client with each other who has none. */
const NONE: Readonly<Record<string, string | ((n: number) => string)>> = {
  "a list": (n) => `${v4(n)}, 10.0.0.1`,
  "a list without blanks": (n) => `${v4(n)},10.0.0.1`,
  "a port": (n) => `${v4(n)}:8080`,
  "IPv6 in brackets": (n) => `[2001:db8:${hex(n)}::1]`,
  "IPv6 in brackets with a port": (n) => `[2001:db8:${hex(n)}::1]:443`,
  "a range": (n) => `${v4(n)}/32`,
  "an IPv6 range": (n) => `2001:db8:${hex(n)}::/64`,
  octal: "0144.0100.0.1",
  hexadecimal: "0x64400001",
  "one number": "1681915905",
  "three numbers": "100.64.1",
  "five numbers": "100.64.0.1.1",
  "a leading zero": "100.064.0.1",
  "256": "100.64.0.256",
  "a minus": "-1.0.0.1",
  "a dot at the end": "100.64.0.1.",
  empty: "",
  "a name": "localhost",
  unknown: "unknown",
  obfuscated: "_hidden",
  "three colons": "2001:db8:::1",
  "nine groups": "1:2:3:4:5:6:7:8:9",
  "seven groups": "1:2:3:4:5:6:7",
  "five digits": "2001:db8::12345",
  "two gaps": "2001::db8::1",
  "a gap of nothing": "1:2:3:4:5:6:7::8:9",
  "a colon alone": ":",
  "IPv4 in octal inside IPv6": "::ffff:0144.64.0.1",
  "IPv4 in short form inside IPv6": "::ffff:100.64.1",
  "IPv4 in the middle of IPv6": "::100.64.0.1:1",
  "digits of another script": "\xb2\xb3.64.0.1",
  quotes: '"100.64.0.1"',
  "a comment": "100.64.0.1 (me)",
  SQL: "1' OR '1'='1",
  __proto__: "__proto__",
  constructor: "constructor",
  "1 KB of digits": "1".repeat(1_024),
  "100 KB of colons": ":".repeat(100_000),
  "100 KB of 0:": "0:".repeat(50_000),
  "ip= as the API writes it": (n) => `ip=${v4(n)}`,
};

export const ADDRESS_ROWS: readonly Row[] = [
  ...same(
    "one",
    one((n) => `2001:db8:${hex(n)}::1`),
    {
      "IPv6 in upper case": one((n) => `2001:DB8:${hex(n).toUpperCase()}::1`),
      "IPv6 in full": one((n) => `2001:0db8:${hex(n)}:0000:0000:0000:0000:0001`),
      "IPv6 with single zeros": one((n) => `2001:db8:${hex(n)}:0:0:0:0:1`),
      "IPv6 with a gap of two": one((n) => `2001:db8:${hex(n)}:0:0:0::1`),
      "IPv6 with a gap of one": one((n) => `2001:db8:${hex(n)}:0:0:0:0::`),
      "IPv6 with leading zeros": one((n) => `2001:0db8:${hex(n)}::0001`),
      "IPv6 with a dotted tail": one((n) => `2001:db8:${hex(n)}::0.0.0.1`),
      "IPv6 with a full dotted tail": one((n) => `2001:db8:${hex(n)}:0:0:0:1.2.3.4`),
      "IPv6 with a zone": one((n) => `2001:db8:${hex(n)}::1%eth0`),
      "IPv6 with a numbered zone": one((n) => `2001:db8:${hex(n)}::1%25`),
      "IPv6 with an empty zone": one((n) => `2001:db8:${hex(n)}::1%`),
      "IPv6 with blanks around": one((n) => ` \t2001:db8:${hex(n)}::1\t `),
      "IPv6, another address of the same /64": one((n) => `2001:db8:${hex(n)}:0:ffff:ffff:ffff:ffff`),
      "IPv6, the first of the same /64": one((n) => `2001:db8:${hex(n)}::`),
    },
  ),
  ...same("one", one(v4), {
    "IPv4 mapped": one((n) => `::ffff:${v4(n)}`),
    "IPv4 mapped, in upper case": one((n) => `::FFFF:${v4(n)}`),
    "IPv4 mapped, in hexadecimal": one((n) => `::ffff:${halves(n)}`),
    "IPv4 mapped, in full": one((n) => `0:0:0:0:0:ffff:${v4(n)}`),
    "IPv4 mapped, in full with zeros": one((n) => `0000:0000:0000:0000:0000:ffff:${v4(n)}`),
    "IPv4 mapped, with a zone": one((n) => `::ffff:${v4(n)}%lo`),
    "IPv4 with blanks around": one((n) => `  ${v4(n)}  `),
  }),
  ...same(
    "v48",
    at("/v48", (n) => `2001:db8:${hex(n)}:1::1`),
    {
      "another /64 of a /48": at("/v48", (n) => `2001:db8:${hex(n)}:2::1`),
      "another spelling of a /48": at("/v48", (n) => `2001:DB8:${hex(n)}:ffff::1.2.3.4`),
    },
  ),
  ...same(
    "v128",
    at("/v128", (n) => `2001:db8:${hex(n)}::1`),
    {
      "a /128 in full": at("/v128", (n) => `2001:0db8:${hex(n)}:0000:0000:0000:0000:0001`),
      "a /128 with a dotted tail": at("/v128", (n) => `2001:db8:${hex(n)}::0.0.0.1`),
    },
  ),
  ...apart("one", {
    "neighbours in IPv4": [one(v4), one((n) => v4(n).replace(/^100/, "101"))],
    "neighbouring /64s": [one((n) => `2001:db8:${hex(n)}:1::1`), one((n) => `2001:db8:${hex(n)}:2::1`)],
    "two mapped addresses": [
      one((n) => `::ffff:102.${v4(n).slice(4)}`),
      one((n) => `::ffff:103.${v4(n).slice(4)}`),
    ],
    "the /64 of a dotted tail and its IPv4": [
      one((n) => `2001:db8:${hex(n)}::104.64.0.1`),
      one((n) => `104.${v4(n).slice(4)}`),
    ],
    "an address and its NAT64": [one((n) => v4(n)), one((n) => `64:ff9b:1:${hex(n)}::${v4(n)}`)],
    "an address and its 6to4": [one((n) => v4(n)), one((n) => `2002:${halves(n)}::1`)],
  }),
  ...apart("v128", {
    "neighbours where one address is a client": [
      at("/v128", (n) => `2001:db8:${hex(n)}::1`),
      at("/v128", (n) => `2001:db8:${hex(n)}::2`),
    ],
  }),
  ...alone("403 blocked lists", {
    "deny 198.51.100.0/31: its first": { target: "/lists", ip: "198.51.100.0" },
    "deny 198.51.100.0/31: its last": { target: "/lists", ip: "198.51.100.1" },
    "deny 198.51.100.0/31: mapped": { target: "/lists", ip: "::ffff:198.51.100.1" },
    "deny 198.51.100.0/31: mapped, in hexadecimal": { target: "/lists", ip: "::ffff:c633:6401" },
    "deny 198.51.100.0/31: with a zone": { target: "/lists", ip: "::ffff:198.51.100.1%1" },
    "deny 0.0.0.0/8: its first": { target: "/lists", ip: "0.0.0.0" },
    "deny 0.0.0.0/8: its last": { target: "/lists", ip: "0.255.255.255" },
    "deny ::/8: loopback": { target: "/lists", ip: "::1" },
    "deny ::/8: no address": { target: "/lists", ip: "::" },
    "deny ::/8: its last": { target: "/lists", ip: "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    "deny ::/8: IPv4 as it was put into IPv6 first": { target: "/lists", ip: "::203.0.113.9" },
    "deny 2001:db8:d::/127: its last": { target: "/lists", ip: "2001:db8:d::1" },
    "deny 2001:db8:d::/127: with a dotted tail": { target: "/lists", ip: "2001:DB8:D::0.0.0.1" },
    "deny ::ffff:198.18.0.0/111: its last": { target: "/lists", ip: "198.19.255.255" },
    "deny by a header": { target: "/lists", headers: [["X-Bad", "1"]] },
    "deny by a header with blanks": { target: "/lists", headers: [["x-bad", " 1 "]] },
  }),
  ...alone("200 unlimited -", {
    "allow 203.0.113.0/25: its first": { target: "/lists", ip: "203.0.113.0" },
    "allow 203.0.113.0/25: its last, mapped": { target: "/lists", ip: "::ffff:203.0.113.127" },
    "allow 2001:db8:a::/48: its last": { target: "/lists", ip: "2001:db8:a:ffff:ffff:ffff:ffff:ffff" },
    "allow by a header, though another one is denied": {
      target: "/lists",
      headers: [
        ["x-pass", "let me in"],
        ["x-bad", "1"],
      ],
    },
  }),
  ...alone("200 owner lists", {
    "no list has 198.51.100.2": { target: "/lists", ip: "198.51.100.2" },
    "no list has 203.0.113.128": { target: "/lists", ip: "203.0.113.128" },
    "no list has 1.0.0.0": { target: "/lists", ip: "1.0.0.0" },
    "no list has 198.20.0.0": { target: "/lists", ip: "198.20.0.0" },
    "no list has 100::": { target: "/lists", ip: "100::" },
    "no list has 2001:db8:d:1::": { target: "/lists", ip: "2001:db8:d:1::" },
    "no list has 2001:db8:b::": { target: "/lists", ip: "2001:db8:b::" },
    "no list has a header of another value": { target: "/lists", headers: [["x-bad", "11"]] },
    "no list has a header of two values": (n) => ({
      target: "/lists",
      ip: v4(n),
      headers: [
        ["x-bad", "1"],
        ["x-bad", "1"],
      ],
    }),
    "no pass for a value in another case": { target: "/lists", headers: [["x-pass", "LET ME IN"]] },
  }),
  ...Object.entries(NONE).map(([what, ip]): Row => {
    const none = one(() => "none");
    const steps = [none, none, one(typeof ip === "function" ? ip : () => ip)] as const;
    return {
      what: `no address: ${what}`,
      steps: [
        [steps[0], null],
        [steps[1], null],
        [steps[2], "429 blocked one"],
      ],
    };
  }),
];
