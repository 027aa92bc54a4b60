import { Hono } from "hono";
import type { RateLimitEnv } from "onecount";
import { rateLimiter } from "onecount/hono";

export { KeyOwner, RegionHub } from "onecount";

const app = new Hono<{ Bindings: RateLimitEnv }>();
app.use(rateLimiter({ onDenied: ({ status }) => Response.json({ error: "slow down" }, { status }) }));
app.get("/hello/:name", (c) => c.text(`hello ${c.req.param("name")}\n`));

export default app;
