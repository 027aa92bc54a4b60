/** What rules look at in a Worker's request, read when they ask for it and not before. */
import type { Traits } from "../shared/traits.ts";
import { type HostAndPath, hostAndPath } from "../shared/url.ts";

export class RequestTraits implements Traits {
  readonly method: string;
  readonly hostname: string;
  readonly pathname: string;
  readonly client: string | null;
  readonly #request: Request;
  #parameters: URLSearchParams | undefined;

  /** @param where the request's host and path */
  constructor(request: Request, where: HostAndPath) {
    this.#request = request;
    this.method = request.method;
    this.hostname = where.hostname;
    this.pathname = where.pathname;
    this.client = request.headers.get("CF-Connecting-IP");
  }

  get country(): string | undefined {
    const country: unknown = this.#request.cf?.country;
    return typeof country === "string" ? country : undefined;
  }

  get asn(): number | undefined {
    const asn: unknown = this.#request.cf?.asn;
    return typeof asn === "number" ? asn : undefined;
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined;
  }

  cookie(name: string): string | undefined {
    return cookieNamed(this.#request.headers.get("Cookie") ?? "", name);
  }

  query(name: string): readonly string[] {
    this.#parameters ??= new URL(this.#request.url).searchParams;
    return this.#parameters.getAll(name);
  }
}

/** Host and path of a request's URL. */
export const whereTo = (request: Request): HostAndPath => hostAndPath(request.url) ?? new URL(request.url);

/** The first cookie of a name, as RFC 6265 §5.4 joins them. A quoted value is one with quotes. */
function cookieNamed(cookies: string, name: string): string | undefined {
  for (let start = 0; start < cookies.length; ) {
    const semicolon = cookies.indexOf(";", start);
    const end = semicolon < 0 ? cookies.length : semicolon;
    const equals = cookies.indexOf("=", start);
    if (equals >= 0 && equals < end && cookies.slice(start, equals).trim() === name)
      return cookies.slice(equals + 1, end).trim();
    start = end + 1;
  }
  return undefined;
}
