/** Where a request came in, as the platform tells it. */

/** The data centre's name where the platform does not say it. */
export const UNKNOWN_POP = "local";

/** Over a local socket the platform says nothing. */
export interface Place {
  readonly colo: string;
  readonly continent: string | undefined;
  readonly longitude: number | undefined;
}

/** The place in `request.cf`, every field of which may be missing. Reading that is dear: it is text until then. */
export function placeOf(request: Request): Place {
  const cf: Partial<IncomingRequestCfProperties> | undefined = request.cf;
  const longitude = typeof cf?.longitude === "string" ? Number(cf.longitude) : undefined;
  return { colo: typeof cf?.colo === "string" ? cf.colo : UNKNOWN_POP, continent: cf?.continent, longitude };
}

let pop: string | undefined;

/** The data centre of this isolate, read once: an isolate stays where it is. A request of another Worker's may not say it. */
export function popHere(request: Request): string {
  if (pop !== undefined) return pop;
  const { colo } = placeOf(request);
  if (colo !== UNKNOWN_POP) pop = colo;
  return colo;
}
