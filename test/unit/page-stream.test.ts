/** How the page follows the stream: what it makes of answers that are none. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { NOTHING } from "../../shared/status.ts";
import { follow, type StreamStatus } from "../../worker/page/stream.ts";

afterEach(() => vi.unstubAllGlobals());

const problem = (status: number, detail: string): Response =>
  Response.json({ type: "about:blank", status, detail }, { status });

/** The first thing that the page says when the Worker answers so, after that it connects. */
function saidOf(answer: () => Response): Promise<StreamStatus> {
  vi.stubGlobal("fetch", () => Promise.resolve(answer()));
  return new Promise((resolve) => {
    const stop = follow({
      url: "http://worker/_onecount/v1/live",
      token: "token",
      onMessage: () => undefined,
      onStatus: (status) => {
        if (status.kind === "connecting") return;
        stop();
        resolve(status);
      },
    });
  });
}

describe("the page's stream", () => {
  it.each([
    ["like a path that does not exist", () => problem(404, NOTHING)],
    ["with a page of the site's", () => new Response("<h1>not here</h1>", { status: 404 })],
    ["that it may not", () => new Response(null, { status: 403 })],
  ])("takes the token for refused when the Worker answers %s", async (_, answer) => {
    expect(await saidOf(answer)).toEqual({ kind: "refused" });
  });

  it("keeps the token when it is the chosen client's rule that is gone, and says so", async () => {
    const detail = 'found rule "login"; the rules are site';
    expect(await saidOf(() => problem(404, detail))).toMatchObject({ kind: "waiting", why: detail });
  });

  it("says what else was wrong, and tries again", async () => {
    expect(await saidOf(() => problem(503, "RULES: found none"))).toMatchObject({
      kind: "waiting",
      why: "RULES: found none",
    });
    expect(await saidOf(() => new Response("oh", { status: 502 }))).toMatchObject({
      kind: "waiting",
      why: "the Worker answered 502",
    });
  });
});
