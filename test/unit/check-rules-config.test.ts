/** What the rules check finds in a configuration: bindings, migrations, sizes, environments. */
import { describe, expect, test } from "vitest";
import { checkSource } from "../../loadtest/check-rules/check.ts";

describe("the check of a configuration", () => {
  const checkConfig = (config: Record<string, unknown>, env?: string) =>
    checkSource({ file: "x", format: "toml", config, rulesIn: undefined, placeOf: () => undefined }, { env });

  const bindings = [
    { name: "KEY_OWNER", class_name: "KeyOwner" },
    { name: "REGION_HUB", class_name: "RegionHub" },
  ];
  const good = {
    durable_objects: { bindings },
    migrations: [{ tag: "v1", new_sqlite_classes: ["KeyOwner", "RegionHub"] }],
    vars: { RULES: [{ name: "login", limit: 20, window: "1m" }] },
  };
  const messages = (config: Record<string, unknown>) => checkConfig(config).bindings.map((b) => b.message);

  test("finds nothing wrong with a good one", () => {
    expect(checkConfig(good)).toMatchObject({ ok: true, problems: [], bindings: [] });
  });

  test("never throws, whatever stands where tables should", () => {
    for (const odd of [undefined, null, 5, "x", [], [5], {}, { bindings: 5 }, { bindings: [5] }]) {
      const report = checkConfig({ durable_objects: odd, migrations: odd, vars: odd, env: odd });
      expect(report.ok).toBe(false);
    }
  });

  test("finds a binding to another class, and a class without SQLite storage", () => {
    const wrong = [bindings[0], { name: "REGION_HUB", class_name: "Hub" }];
    expect(messages({ ...good, durable_objects: { bindings: wrong } })).toEqual([
      "the Durable Object binding REGION_HUB must name the class RegionHub",
    ]);
    const oldStorage = [{ tag: "v1", new_classes: ["KeyOwner"], new_sqlite_classes: ["RegionHub"] }];
    const report = checkConfig({ ...good, migrations: oldStorage });
    expect(report.ok).toBe(false);
    expect(report.bindings).toEqual([
      {
        binding: "migrations",
        message: "no migration creates KeyOwner with SQLite storage",
        snippet: '[[migrations]]\ntag = "v2"\nnew_sqlite_classes = ["KeyOwner"]',
      },
    ]);
  });

  test("leaves classes of another Worker, and renamed ones, to whoever has them", () => {
    const elsewhere = bindings.map((binding) => ({ ...binding, script_name: "other" }));
    expect(messages({ ...good, durable_objects: { bindings: elsewhere }, migrations: [] })).toEqual([]);
    const renamed = [
      { tag: "v1", new_sqlite_classes: ["Old", "RegionHub"] },
      { tag: "v2", renamed_classes: [{ from: "Old", to: "KeyOwner" }] },
    ];
    expect(messages({ ...good, migrations: renamed })).toEqual([]);
  });

  test("refuses rules that no variable can hold", () => {
    const rules = Array.from({ length: 60 }, (_, i) => ({
      name: `${i}-${"x".repeat(60)}`,
      limit: i + 4,
      window: "1m",
    }));
    const { ok, problems } = checkConfig({ ...good, vars: { RULES: rules } });
    const bytes = JSON.stringify(rules).length;
    expect(ok).toBe(false);
    expect(problems).toEqual([
      {
        rule: "RULES",
        field: "",
        found: `${bytes} bytes as JSON`,
        allowed: "5120 bytes, for one variable of a Worker holds no more; put the rules into rules.json",
      },
    ]);
  });

  test("looks at the environments that have rules of their own, or at one alone", () => {
    const bad = { vars: { RULES: [{ name: "a", limit: 0, window: "1m" }] }, durable_objects: { bindings } };
    const env = { bad, staging: { vars: good.vars }, empty: {} };
    const all = checkConfig({ ...good, env });
    expect(all.problems).toMatchObject([{ rule: "a", field: "limit", env: "bad" }]);
    expect(all.bindings).toMatchObject([
      {
        binding: "KEY_OWNER",
        env: "staging",
        snippet: '[[env.staging.durable_objects.bindings]]\nname = "KEY_OWNER"\nclass_name = "KeyOwner"',
      },
      { binding: "REGION_HUB", env: "staging" },
    ]);
    expect(all.rules.map(({ name, env: of }) => [name, of])).toEqual([
      ["login", undefined],
      ["login", "staging"],
    ]);
    expect(checkConfig({ ...good, env }, "bad")).toMatchObject({ problems: [{ env: "bad" }], bindings: [] });
    expect(checkConfig({ ...good, env }, "empty").problems).toMatchObject([{ rule: "RULES", env: "empty" }]);
    expect(() => checkConfig({ ...good, env }, "x")).toThrow(
      'there is no environment "x" in the file: there are "bad", "staging", "empty"',
    );
  });

  test("needs no rules at the top where environments have theirs", () => {
    const { vars, ...rest } = good;
    const env = { staging: { vars, durable_objects: { bindings } } };
    const { ok, notes } = checkConfig({ ...rest, durable_objects: {}, env });
    expect(ok).toBe(true);
    expect(notes).toContain(
      "the top level has no RULES: a deploy that names no environment goes out without any",
    );
  });

  test("warns of a secret in the file and of environments without rules of their own", () => {
    const env = { production: {}, staging: { vars: { RULES: [] } } };
    expect(checkConfig({ ...good, vars: { ...good.vars, KEY_SECRET: "x" }, env }).notes).toEqual([
      expect.stringMatching(/^KEY_SECRET stands in the file/),
      'the environment "production" has no RULES: it does not inherit these',
    ]);
  });
});
