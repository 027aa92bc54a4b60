/** How many first claims one isolate may make: a bucket of CLAIMS_BURST that fills with CLAIMS_PER_SECOND. */
import { Budget } from "../budget.ts";
import { CLAIMS_BURST, CLAIMS_PER_SECOND } from "../limits.ts";

export class ClaimBudget extends Budget {
  constructor() {
    super(CLAIMS_BURST, CLAIMS_PER_SECOND);
  }
}
