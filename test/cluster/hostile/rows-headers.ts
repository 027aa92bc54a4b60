/** Header fields: how many, how long, how odd; and what every kind of rule does with one request more than it admits. */
import { alone, type Make, type Row, v4 } from "./row.ts";

const flood = (count: number, value: string) =>
  Array.from({ length: count }, (_, at) => [`x-flood-${at}`, value] as const);

const again = (target: string, answers: readonly string[]): Row => {
  const shot: Make = (n) => ({ target, ip: v4(n) });
  return { what: `${target}, ${answers.length} times`, steps: answers.map((answer) => [shot, answer]) };
};

export const HEADER_ROWS: readonly Row[] = [
  ...alone("200 unlimited -", {
    "500 headers": { headers: flood(500, "1") },
    "3,000 headers": { headers: flood(3_000, "1") },
    "100 headers of 1 KB": { headers: flood(100, "v".repeat(1_000)) },
    "a header of 120 KB": { headers: [["x-long", "v".repeat(120_000)]] },
    "a name of 60 KB": { headers: [["n".repeat(60_000), "1"]] },
    "an empty value": { headers: [["x-empty", ""]] },
    "control characters in a value": { headers: [["x-control", "a\x01\x1b\x7fb"]] },
    "bytes that are no UTF-8 in a value": { headers: [["x-bytes", "\xff\xfe\x80"]] },
    "a forged x-forwarded-for": { headers: [["X-Forwarded-For", "9.9.9.9"]] },
    "a guessed mark of a loop": { headers: [["x-onecount-loop", "0".repeat(64)]] },
    "a length of a body that GET has none of": { headers: [["Content-Length", "0"]] },
    "an upgrade to nothing": { headers: [["Upgrade", "nothing"]] },
    "a range and conditions": {
      headers: [
        ["Range", "bytes=0-,0-,0-"],
        ["If-None-Match", "*"],
        ["Expect", "nothing"],
      ],
    },
    "quota headers of its own": { headers: [["RateLimit", '"one";r=99;t=1']] },
  }),
  ...alone("400 - -", {
    "a name with a blank": { headers: [["x y", "1"]] },
    "an empty name": { headers: [["", "1"]] },
    "a name in Latin-1": { headers: [["x-\xe9", "1"]] },
    "a NUL in a value": { headers: [["x-nul", "a\0b"]] },
    "a length that is none": { headers: [["Content-Length", "x"]] },
    "a negative length": { headers: [["Content-Length", "-1"]] },
    "two lengths": {
      headers: [
        ["Content-Length", "0"],
        ["Content-Length", "5"],
      ],
    },
  }),
  ...alone("404 - -", {
    "the API without a token": { target: "/_onecount/v1/rules" },
    "the API with a token that is none": {
      target: "/_onecount/v1/rules",
      headers: [["Authorization", `Bearer ${"x".repeat(60_000)}`]],
    },
    "the API with a token in Latin-1": {
      target: "/_onecount/v1/rules",
      headers: [["Authorization", "Bearer loc\xe4l"]],
    },
  }),
  ...alone("200 unlimited -", {
    "the API's path in upper case, which is none of it": { target: "/_ONECOUNT/v1/rules" },
    "the API's path with an escape, which is none of it": { target: "/%5fonecount/v1/rules" },
  }),
  again("/bucket", ["200 owner bucket", "429 owner bucket", "429 blocked bucket"]),
  again("/sliding", ["200 owner sliding", "429 owner sliding", "429 blocked sliding"]),
  again("/shadow", ["200 owner shadow", "200 owner shadow", "200 blocked shadow"]),
  again("/candidate", [
    "200 owner candidate",
    "200 owner candidate.candidate",
    "429 owner candidate",
    "429 blocked candidate",
  ]),
  again("/tag", ["200 owner tag", "200 owner tag", "200 blocked tag"]),
  again("/teapot", ["200 owner teapot", "418 owner teapot", "418 blocked teapot"]),
  again("/block", ["200 owner block", "429 owner block", "429 blocked block"]),
  again("/own", ["200 owner own", "429 owner own", "429 blocked own"]),
  again("/closed", ["200 owner closed", "429 owner closed", "429 blocked closed"]),
];
