/**
 * Rules that use all there is. Each admits one request of a client, so that a second quota shows at once. Keys share
 * owners where nothing hangs on it: a thousand objects take a while.
 */
const base = {
  window: "30d",
  algorithm: "fixed-window",
  deadline: "10s",
  limit: 1,
  threshold: 1,
  owners: 16,
};
const on = (path: string, part: Record<string, unknown>) => ({
  ...base,
  name: path.slice(1).replaceAll("/**", ""),
  match: { path },
  ...part,
});

/** As JSON, for `__proto__` is a field like others there. */
const PLANS = JSON.parse(
  '{ "by": "header:x-plan", "pro": 2, "constructor": 3, "__proto__": 4, "toString": 5 }',
) as object;
const PROTO = JSON.parse('{ "headers": { "__proto__": "yes", "constructor": "yes" } }') as object;

export const HOSTILE_RULES = [
  on("/one", {}),
  on("/v48", { ipv6_prefix: 48 }),
  on("/v128", { ipv6_prefix: 128 }),
  on("/header", { key: ["header:x-key"] }),
  on("/proto-header", { key: ["header:__proto__"] }),
  on("/cookie", { key: ["cookie:sid"] }),
  on("/proto-cookie", { key: ["cookie:__proto__"] }),
  on("/query", { key: ["query:k"] }),
  on("/proto-query", { key: ["query:__proto__"] }),
  on("/path/**", { key: ["ip", "path"] }),
  on("/host", { key: ["ip", "host"] }),
  on("/method", { key: ["ip", "method"] }),
  on("/combo", { key: ["header:a", "header:b"] }),
  on("/strict", { key: ["header:x-key"], missing: "deny" }),
  on("/skip", { key: ["query:k"], missing: "skip" }),
  on("/cost", { limit: 100, cost: { by: "header:x-cost", max: 50 } }),
  on("/plans", { limits: PLANS }),
  on("/asked", { match: { path: "/asked", ...PROTO } }),
  on("/lists", {
    allow: ["203.0.113.0/25", "2001:db8:a::/48", "header:x-pass=let me in"],
    deny: [
      "198.51.100.0/31",
      "::/8",
      "2001:db8:d::/127",
      "0.0.0.0/8",
      "::ffff:198.18.0.0/111",
      "header:x-bad=1",
    ],
  }),
  on("/bucket", { algorithm: "token-bucket", burst: 1 }),
  on("/sliding", { algorithm: "sliding-window" }),
  on("/shadow", { mode: "shadow" }),
  on("/candidate", { limit: 2, candidate: { limit: 1, window: "30d" } }),
  on("/tag", { action: { kind: "tag" } }),
  on("/teapot", { action: { kind: "deny", status: 418, body: "no", content_type: "text/plain" } }),
  on("/block", { block_for: "1d" }),
  on("/own", { owners: undefined }),
  on("/closed", { on_failure: "closed" }),
  on("/hosts", { match: { path: "/hosts", hosts: ["example.com", "*.example.org"] } }),
  on("/post", { match: { path: "/post", methods: ["POST"] } }),
  on("/not/**", { match: { path: "/not/**", not: { path: "/not/free/**" } } }),
  on("/asks", { match: { path: "/asks", query: { mode: "x" } } }),
];
