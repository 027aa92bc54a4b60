import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LogEntry, type ParsedLine, parseLine } from "../../loadtest/replay/log-line.ts";
import { readLog } from "../../loadtest/replay/log-reader.ts";
import { parseEpoch, parseTime } from "../../loadtest/replay/log-time.ts";

const COMMON = '203.0.113.9 - - [17/Dec/2025:09:03:01 +0000] "GET /a?b=c HTTP/1.1" 200 12';
const COMBINED = `${COMMON} "-" "curl/8"`;
const AT = Date.parse("2025-12-17T09:03:01Z");

function entry(line: string): LogEntry {
  const parsed = parseLine(line);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.entry;
}
const request = (line: string) =>
  entry(`203.0.113.9 - - [17/Dec/2025:09:03:01 +0000] "${line}" 200 1`).request;
const problem = (parsed: ParsedLine) => ("problem" in parsed ? parsed.problem : undefined);

describe("a line in common or combined format", () => {
  test("gives client, time, method and target", () => {
    for (const line of [COMMON, COMBINED]) {
      expect(entry(line)).toEqual({
        at: AT,
        wholeSecond: true,
        client: "203.0.113.9",
        request: { method: "GET", target: "/a?b=c" },
      });
    }
  });

  test("may have any zone, an IPv6 client, a port and a user name with a space", () => {
    expect(entry(COMMON.replace("+0000", "-0830")).at).toBe(AT + 8.5 * 3_600_000);
    expect(entry(COMMON.replace("203.0.113.9", "2001:db8::1")).client).toBe("2001:db8::1");
    expect(entry(COMMON.replace("203.0.113.9", "[2001:db8::1]:443")).client).toBe("2001:db8::1");
    expect(entry(COMMON.replace("203.0.113.9", "203.0.113.9:51554")).client).toBe("203.0.113.9");
    expect(entry(COMMON.replace("- -", "- John Smith")).client).toBe("203.0.113.9");
  });

  test("whose user name holds a bracket is not parsed, because it could forge a time", () => {
    // Servers write a quote within a field as \\x22, and leave brackets as they are.
    const forged = COMMON.replace("- -", String.raw`- x [01/Jan/2020:00:00:00 +0000] \x22GET / HTTP/1.1\x22`);
    expect(problem(parseLine(forged))).toMatch(/neither/);
    expect(problem(parseLine(COMMON.replace("- -", "- ';echo '[S]';")))).toMatch(/neither/);
  });

  test("that is none says why", () => {
    expect(problem(parseLine(""))).toMatch(/empty/);
    expect(problem(parseLine("hello"))).toMatch(/neither/);
    expect(problem(parseLine(COMMON.replace("17/Dec", "31/Feb")))).toMatch(/time/);
    expect(problem(parseLine(COMMON.replace("203.0.113.9", "host.example")))).toMatch(/address/);
  });
});

describe("a request line", () => {
  test("keeps method and path as far as HTTP can carry them", () => {
    expect(request("POST //x/../y%2e HTTP/2.0")).toEqual({ method: "POST", target: "//x/../y%2e" });
    expect(request("GET /old")).toEqual({ method: "GET", target: "/old" });
    expect(request("GET /a b#c\\xC3\\xA9\\x22\\\\d HTTP/1.1")).toEqual({
      method: "GET",
      target: '/a%20b%23c%C3%A9"\\d',
    });
    expect(request("GET http://proxied.example/p?q HTTP/1.1")).toEqual({ method: "GET", target: "/p?q" });
    expect(request("GET http://proxied.example HTTP/1.1")).toEqual({ method: "GET", target: "/" });
  });

  test("that is no HTTP stays a request, sent as GET / and counted as malformed", () => {
    for (const line of ["", "-", "\\x16\\x03\\x01\\x00", "SSH-2.0-Go", "t3 12.1.2", "GET x.cgi HTTP/1.0"]) {
      expect(request(line)).toEqual({ method: "GET", target: "/", changed: "malformed" });
    }
  });

  test("that cannot be sent to a POP is sent as GET and counted as unsendable", () => {
    expect(request("CONNECT example.com:443 HTTP/1.1").changed).toBe("unsendable");
    expect(request("OPTIONS * HTTP/1.1")).toEqual({ method: "OPTIONS", target: "/", changed: "unsendable" });
    expect(request("SSTP_DUPLEX_POST /sra/ HTTP/1.1")).toEqual({
      method: "GET",
      target: "/sra/",
      changed: "unsendable",
    });
  });
});

describe("a line of JSON", () => {
  const base = { time: "2025-12-17T09:03:01Z", remote_addr: "203.0.113.9", method: "GET", path: "/a?b=c" };
  const json = (fields: object) => JSON.stringify(fields);

  test("is read under the names that servers use", () => {
    const same = entry(COMMON);
    const { at: _at, wholeSecond: _whole, ...rest } = same;
    expect(entry(json(base))).toEqual(same);
    const nginx = {
      time_local: "17/Dec/2025:09:03:01 +0000",
      remote_addr: "203.0.113.9",
      request: "GET /a?b=c HTTP/1.1",
    };
    expect(entry(json(nginx))).toEqual(same);
    const caddy = {
      ts: AT / 1000 + 0.25,
      request: { remote_ip: "203.0.113.9", method: "GET", uri: "/a?b=c" },
    };
    expect(entry(json(caddy))).toEqual({ at: AT + 250, wholeSecond: false, ...rest });
    const logpush = {
      EdgeStartTimestamp: AT * 1e6,
      ClientIP: "203.0.113.9",
      ClientRequestMethod: "GET",
      ClientRequestURI: "/a?b=c",
    };
    expect(entry(json(logpush))).toEqual({ at: AT, wholeSecond: false, ...rest });
    const logstash = {
      "@timestamp": "2025-12-17T09:03:01.000Z",
      clientip: "203.0.113.9",
      verb: "GET",
      url: "/a?b=c",
    };
    expect(entry(json(logstash))).toEqual({ at: AT, wholeSecond: false, ...rest });
  });

  test("that lacks something names it", () => {
    expect(problem(parseLine("{"))).toBe("broken JSON");
    expect(problem(parseLine(json({ ...base, time: undefined })))).toMatch(/no time/);
    expect(problem(parseLine(json({ ...base, time: "soon" })))).toMatch(/unreadable time/);
    expect(problem(parseLine(json({ ...base, remote_addr: undefined })))).toMatch(/no client/);
    expect(problem(parseLine(json({ ...base, path: undefined })))).toMatch(/no request/);
  });
});

test("times are read in every notation, and dates that do not exist are refused", () => {
  expect(parseTime("2025-12-17T10:03:01.5+01:00")).toEqual({ at: AT + 500, wholeSecond: false });
  expect(parseTime("2025-12-17 09:03:01")).toEqual({ at: AT, wholeSecond: true });
  expect(parseTime("17/Dec/2025:09:03:01")).toEqual({ at: AT, wholeSecond: true });
  expect(parseTime("2025-12-17")).toEqual({ at: Date.parse("2025-12-17T00:00:00Z"), wholeSecond: true });
  for (const text of [
    "",
    "yesterday",
    "2025-02-29",
    "32/Dec/2025:09:03:01",
    "17/ecJ/2025:09:03:01",
    "2025-12-17T25:00:00Z",
  ]) {
    expect(parseTime(text)).toBeUndefined();
  }
  for (const value of [AT / 1e3, AT, AT * 1e3]) expect(parseEpoch(value)?.at).toBe(AT);
  expect(parseEpoch(12)).toBeUndefined();
});

describe("a log file", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "onecount-log-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function read(content: string | Buffer) {
    const path = join(folder, "access");
    await writeFile(path, content);
    const clients: string[] = [];
    const summary = await readLog(path, ({ client }) => clients.push(client));
    return { summary, clients };
  }

  test("is read plain or gzipped, whatever its name, in one member or several", async () => {
    const two = COMMON.replace("203.0.113.9", "203.0.113.10");
    const plain = `${COMMON}\r\n${two}\n`;
    const members = Buffer.concat([gzipSync(`${COMMON}\n`), gzipSync(two)]);
    for (const content of [plain, gzipSync(plain), members]) {
      const { summary, clients } = await read(content);
      expect(clients).toEqual(["203.0.113.9", "203.0.113.10"]);
      expect(summary).toEqual({ lines: 2, parsed: 2, unparsed: 0, shown: [] });
    }
  });

  test("has its unparsed lines counted and the first of them shown, harmless to a terminal", async () => {
    const { summary } = await read(`${COMMON}\n\u001b[2Jé\u0000\n${"x\n".repeat(8)}${"y".repeat(70_000)}\n`);
    expect(summary).toMatchObject({ lines: 11, parsed: 1, unparsed: 10 });
    expect(summary.shown).toHaveLength(5);
    expect(summary.shown[0]).toMatchObject({ lineNumber: 2, text: "\\x1b[2J\\xe9\\x00" });
  });

  test("with a line too long counts it and goes on", async () => {
    const { summary } = await read(`${"y".repeat(300_000)}\n${COMMON}\n`);
    expect(summary).toMatchObject({ lines: 2, parsed: 1, unparsed: 1 });
    expect(summary.shown[0]?.problem).toMatch(/longer than/);
  });

  test("that cannot be used fails with one clear line", async () => {
    const zipped = gzipSync(`${COMMON}\n`.repeat(5_000));
    await expect(read(zipped.subarray(0, zipped.length / 2))).rejects.toThrow(/the \.gz is cut off/);
    const damaged = Buffer.from(zipped);
    damaged.fill(0xff, 20, 60);
    await expect(read(damaged)).rejects.toThrow(/the \.gz is damaged/);
    await expect(read("")).rejects.toThrow(/is empty/);
    await expect(read("no\nlog\n")).rejects.toThrow(/no usable line among 2; line 1: neither/);
    await expect(readLog(join(folder, "none"), () => {})).rejects.toThrow(/there is no such file/);
    await expect(readLog(folder, () => {})).rejects.toThrow(/it is a directory/);
  });
});
