/** The estimated bill, against figures worked out by hand. */
import { describe, expect, test } from "vitest";
import { estimateBill, PRICES } from "../../loadtest/replay/prices.ts";

const NOTHING = { requests: 0, objectRequests: 0, rowsWritten: 0, rowsRead: 0, objectSeconds: 0 };

describe("a bill", () => {
  test.each([
    ["a million requests to objects", { objectRequests: 1_000_000 }, "objectRequests", 0.15],
    // 432 million messages / 20 = 21.6 million, and 10,000 sockets opened: × $0.15.
    [
      "messages over sockets",
      { objectRequests: 10_000, socketMessages: 432_000_000 },
      "objectRequests",
      3.2415,
    ],
    // 1,000,000 s × 0.128 GB = 128,000 GB-s × $12.50 / million.
    ["a million seconds awake", { objectSeconds: 1_000_000 }, "objectDuration", 1.6],
    ["three million rows written", { rowsWritten: 3_000_000 }, "rowsWritten", 3],
    ["a billion rows read", { rowsRead: 1_000_000_000 }, "rowsRead", 1],
  ] as const)("for %s", (_, usage, part, dollars) => {
    const bill = estimateBill({ ...NOTHING, ...usage });
    expect(bill[part]).toBeCloseTo(dollars, 9);
    expect(bill.total).toBeCloseTo(dollars, 9);
  });

  test("adds up what the limiter costs, and tells the Workers' own requests apart", () => {
    const bill = estimateBill({
      requests: 2_000_000,
      objectRequests: 400_000,
      rowsWritten: 100_000,
      rowsRead: 1_000_000,
      objectSeconds: 10_000,
      socketMessages: 2_000_000,
    });
    // 0.5 million × 0.15; 1,280 GB-s × 12.50/million; 0.1 million × 1; 1 million × 0.001.
    expect(bill.objectRequests).toBeCloseTo(0.075, 9);
    expect(bill.objectDuration).toBeCloseTo(0.016, 9);
    expect(bill.total).toBeCloseTo(0.075 + 0.016 + 0.1 + 0.001, 9);
    expect(bill.perMillion).toBeCloseTo(0.096, 9);
    expect(bill.workerRequests).toBeCloseTo(0.6, 9);
  });

  test("for nothing is nothing", () => {
    expect(estimateBill(NOTHING)).toEqual({
      objectRequests: 0,
      objectDuration: 0,
      rowsWritten: 0,
      rowsRead: 0,
      total: 0,
      perMillion: 0,
      workerRequests: 0,
    });
  });

  test("goes by the price list it is given", () => {
    const bill = estimateBill({ ...NOTHING, rowsWritten: 1_000_000 }, { ...PRICES, rowsWritten: 7 });
    expect(bill.total).toBeCloseTo(7, 9);
  });
});
