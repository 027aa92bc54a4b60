import { AutoRouter } from "itty-router";
import { rateLimit } from "onecount/itty";

export { KeyOwner, RegionHub } from "onecount";

const router = AutoRouter({ ...rateLimit() });
router.get("/hello/:name", ({ name }) => ({ hello: name }));

export default router;
