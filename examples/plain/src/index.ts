import { withRateLimit } from "onecount";

export { KeyOwner, RegionHub } from "onecount";

export default withRateLimit({
  fetch(request) {
    return new Response(`hello from ${new URL(request.url).pathname}\n`);
  },
});
