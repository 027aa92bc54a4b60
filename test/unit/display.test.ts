/** What people are shown of keys. */
import { describe, expect, it } from "vitest";
import { keyDisplay, maskKey } from "../../shared/display.ts";

describe("KEY_DISPLAY", () => {
  it("shows the least when it is missing or unknown", () => {
    expect([undefined, "", "Plain", "all"].map(keyDisplay)).toEqual(["hash", "hash", "hash", "hash"]);
    expect(["hash", "masked", "plain"].map(keyDisplay)).toEqual(["hash", "masked", "plain"]);
  });

  it.each([
    ["ip=203.0.113.9", "ip=203.0.113.*"],
    ["ip=2001:db8:1:2::/64", "ip=2001:db8:*"],
    ["ip=2001:db8::/64", "ip=2001:db8:*"],
    ["ip=fe80::/64", "ip=fe80::*"],
    ["ip=unknown", "ip=unknown"],
  ])("masks %s as %s", (key, masked) => {
    expect(maskKey(key)).toBe(masked);
  });

  it("leaves no /64 readable, however it is shortened", () => {
    for (const key of ["ip=::/64", "ip=1::/64", "ip=2001:db8:aa:bb::/64", "ip=2001:0:0:1::/64"]) {
      expect(maskKey(key), key).toMatch(/:\*$/);
    }
  });
});
