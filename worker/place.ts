/** Where a request came in, as the platform tells it. */

/** The data centre's name where the platform does not say it. */
export const UNKNOWN_POP = "local";

/** Over a local socket the platform says nothing. */
export interface Place {
  readonly colo: string;
  readonly continent: string | undefined;
  readonly longitude: number | undefined;
}

let pop: string | undefined;

/** The place in `request.cf`, every field of which may be missing. Reading that is dear: it is text until then. */
export function placeOf(request: Request): Place {
  const cf: Partial<IncomingRequestCfProperties> | undefined = request.cf;
  const longitude = typeof cf?.longitude === "string" ? Number(cf.longitude) : undefined;
  const colo = typeof cf?.colo === "string" ? cf.colo : UNKNOWN_POP;
  if (pop === undefined || pop === UNKNOWN_POP) pop = colo;
  return { colo, continent: cf?.continent, longitude };
}

/**
 * The data centre of this isolate, which stays where it is: read from the first request. If that does not say it, for
 * another Worker made it, it is whatever a place says that is read later.
 */
export const popHere = (request: Request): string => pop ?? placeOf(request).colo;
