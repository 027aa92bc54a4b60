/** What becomes of a CPU profile: whose time it is, and in which file. */
import { describe, expect, test } from "vitest";
import { formatProfile } from "../../loadtest/bench/format-profile.ts";
import type { CpuProfile, ProfileNode } from "../../loadtest/bench/inspector.ts";
import { fileAt, sharesOf } from "../../loadtest/bench/profile.ts";

const BUNDLE = `import { x } from "y";

// node_modules/ipaddr.js/lib/ipaddr.js
var a = 1;
// a remark
// ../../repository/worker/handle.ts
function handle() {
}

// shared/pop/decide.ts
var b = 2;`;

const node = (id: number, functionName: string, lineNumber = -1): ProfileNode => ({
  id,
  callFrame: { functionName, url: lineNumber < 0 ? "" : "bench.js", lineNumber },
});

/** Two places of the tree where `handle` is called count as one. */
const PROFILE: CpuProfile = {
  nodes: [
    node(1, "(idle)"),
    node(2, "handle", 6),
    node(3, "handle", 6),
    node(4, ""),
    node(5, "step", 10),
    node(6, "URL"),
  ],
  samples: [1, 2, 3, 4, 5, 2, 6],
  timeDeltas: [1_000, 100, 200, 400, 50, 150, 100],
};

describe("the source of a line", () => {
  test("is what esbuild's last comment before it names, from the repository on", () => {
    const lines = BUNDLE.split("\n");
    const file = fileAt(BUNDLE);
    const of = (text: string): string | undefined => file(lines.indexOf(text));
    expect(of('import { x } from "y";')).toBeUndefined();
    expect(of("var a = 1;")).toBe("node_modules/ipaddr.js/lib/ipaddr.js");
    expect(of("function handle() {")).toBe("repository/worker/handle.ts");
    expect(of("var b = 2;")).toBe("shared/pop/decide.ts");
    expect(file(999)).toBeUndefined();
  });
});

describe("shares", () => {
  const { functions, folders, idle, samples } = sharesOf(PROFILE, 10, fileAt(BUNDLE));

  test("are of the time that was not idle, by function, the greatest first", () => {
    expect(functions).toEqual([
      { name: "handle", file: "repository/worker/handle.ts", selfUs: 45, share: 0.45 },
      { name: "(unnamed)", file: undefined, selfUs: 40, share: 0.4 },
      { name: "URL", file: undefined, selfUs: 10, share: 0.1 },
      { name: "step", file: "shared/pop/decide.ts", selfUs: 5, share: 0.05 },
    ]);
  });

  test("are of folders too, with V8 and workerd as one, and add up", () => {
    expect(folders.map(({ name, share }) => [name, share])).toEqual([
      ["V8 and workerd", 0.5],
      ["repository/worker", 0.45],
      ["shared/pop", 0.05],
    ]);
  });

  test("leave idle time out, and tell it", () => {
    expect(idle).toBe(0.5);
    expect(samples).toBe(7);
  });

  test("of packages go by the package's name", () => {
    const { folders: packages } = sharesOf(
      { nodes: [node(1, "f", 3)], samples: [1], timeDeltas: [1] },
      1,
      fileAt(BUNDLE),
    );
    expect(packages[0]?.name).toBe("ipaddr.js");
  });

  test("only the functions that take most are listed", () => {
    const nodes = Array.from({ length: 40 }, (_, index) => node(index, `f${index}`));
    const ids = nodes.map(({ id }) => id);
    const { functions: listed } = sharesOf({ nodes, samples: ids, timeDeltas: ids }, 1, () => undefined);
    expect(listed.length).toBe(20);
    expect(listed[0]?.name).toBe("f39");
  });

  test("as text, with what is the engine's and what was idle", () => {
    expect(formatProfile({ requests: 10, samples, idle, functions, folders: folders.slice(0, 1) })).toBe(
      `Where the Worker's time goes, quiet clients, 10 requests, 7 samples, 50.0 % of the time idle

function   file                         itself  µs a request
handle     repository/worker/handle.ts  45.0 %         45.00
(unnamed)  V8 or workerd                40.0 %         40.00
URL        V8 or workerd                10.0 %         10.00
step       shared/pop/decide.ts          5.0 %          5.00

folder          itself  µs a request
V8 and workerd  50.0 %         50.00`,
    );
  });
});
