import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hostAndPath } from "../../shared/url.ts";

/** What `URL` makes of it. */
const parsed = (text: string) => {
  const { hostname, pathname } = new URL(text);
  return { hostname, pathname };
};

describe("host and path of a URL", () => {
  test.each([
    "https://example.com/",
    "http://localhost:8787/login?x=/y",
    "https://a-b.example.workers.dev:443/api/v1/users@me/a.b~c;d=e,f!$&'()*+:g#h",
    "https://example.com//a//b/",
    "http://127.0.0.1:8787/",
    "https://api2.example.com/",
    "https://example.com:65535/",
  ])("are read from %s", (url) => {
    expect(hostAndPath(url)).toEqual(parsed(url));
  });

  test.each([
    ["a dot that is resolved", "https://example.com/a/../b"],
    ["an escape", "https://example.com/%61"],
    ["a space", "https://example.com/a b"],
    ["a backslash", "https://example.com/a\\b"],
    ["what is not ASCII", "https://example.com/é"],
    ["a host in upper case", "https://EXAMPLE.com/"],
    ["an address for a host", "https://0x7f.1/"],
    ["an address that is too short", "https://127.1/"],
    ["a number for a host", "https://1/"],
    ["a dot at the end of the host", "https://example.com./"],
    ["IPv6", "https://[::1]:80/"],
    ["a user", "https://a@example.com/"],
    ["punycode", "https://xn--a/"],
    ["another scheme", "ftp://example.com/"],
    ["no path", "https://example.com"],
    ["no host", "https:///a"],
    ["a port that is none", "https://example.com:8a/"],
    ["a port that is too high", "https://example.com:65536/"],
    ["nothing", ""],
  ])("are left to URL for %s", (_, url) => {
    expect(hostAndPath(url)).toBeUndefined();
  });

  test("are what URL says, whenever they are read at all", () => {
    const piece = fc.constantFrom(..."ab./:?#%@\\ -_;é0", "..", "xn--", "//", "[", "localhost", ".com", "1");
    const url = fc.array(piece, { maxLength: 12 }).map((pieces) => `https://a${pieces.join("")}`);
    fc.assert(
      fc.property(url, (text) => {
        const read = hostAndPath(text);
        if (read !== undefined) expect(read).toEqual(parsed(text));
      }),
      { numRuns: 20_000 },
    );
  });
});
