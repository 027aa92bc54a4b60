/** What a source believes of an owner: joined by (epoch, version), trusted for a while. */
import { describe, expect, it } from "vitest";
import { BLOCK_TRUST } from "../../shared/limits.ts";
import { blockedUntil, emptyView, isBarred, isFull, join, wantsConfirmation } from "../../shared/pop/view.ts";
import { epochMs, NEVER } from "../../shared/time.ts";
import { T0 } from "./world.ts";

const at = (ms: number) => epochMs(T0 + ms);

describe("a source's view of an owner", () => {
  it("takes newer news whole: a block that is not repeated in it is over", () => {
    const view = emptyView();
    join(view, { epoch: 1, version: 1, fullUntil: at(60_000), penaltyUntil: at(90_000) }, T0);
    expect([isFull(view, T0), isBarred(view, T0)]).toEqual([true, true]);
    join(view, { epoch: 1, version: 2, penaltyUntil: at(90_000) }, T0);
    expect([isFull(view, T0), isBarred(view, T0)]).toEqual([false, true]);
  });

  it("lets a higher epoch win over a higher version, and never the other way round", () => {
    const view = emptyView();
    join(view, { epoch: 2, version: 1, fullUntil: at(60_000) }, T0);
    join(view, { epoch: 1, version: 9 }, T0);
    expect(view).toMatchObject({ epoch: 2, version: 1, fullUntil: at(60_000) });
    join(view, { epoch: 3, version: 0 }, T0);
    expect(view).toMatchObject({ epoch: 3, version: 0, fullUntil: NEVER });
  });

  it("believes a block until BLOCK_TRUST after the question left, and not a millisecond longer", () => {
    const view = emptyView();
    join(view, { epoch: 1, version: 1, fullUntil: at(60_000) }, T0);
    expect(isFull(view, at(BLOCK_TRUST - 1))).toBe(true);
    expect(isFull(view, at(BLOCK_TRUST))).toBe(false);
    expect(blockedUntil(view, at(BLOCK_TRUST))).toBe(NEVER);
  });

  it("does not believe a block beyond its own end, and names the later end of two", () => {
    const view = emptyView();
    join(view, { epoch: 1, version: 1, fullUntil: at(2_000), penaltyUntil: at(5_000) }, T0);
    expect(blockedUntil(view, at(1_999))).toBe(at(5_000));
    expect(isFull(view, at(2_000))).toBe(false);
    expect(blockedUntil(view, at(5_000))).toBe(NEVER);
  });

  it("hearing the same verdict again prolongs the trust; an older question never shortens it", () => {
    const view = emptyView();
    const verdict = { epoch: 1, version: 1, fullUntil: at(60_000) };
    join(view, verdict, at(4_000));
    join(view, verdict, T0);
    expect(view.trustedUntil).toBe(at(4_000 + BLOCK_TRUST));
  });

  it("asks for confirmation in the second half of the trust, and only of a block that still stands", () => {
    const view = emptyView();
    join(view, { epoch: 1, version: 1, fullUntil: at(8_000) }, T0);
    const asks = [0, 5_000, 5_001, 7_999, 8_000].map((ms) => wantsConfirmation(view, at(ms)));
    expect(asks).toEqual([false, false, true, true, false]);
  });
});
