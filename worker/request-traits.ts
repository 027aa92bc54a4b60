/** What rules look at in a Worker's request, read when they ask for it and not before. */
import type { Traits } from "../shared/traits.ts";
import { type HostAndPath, hostAndPath } from "../shared/url.ts";

export class RequestTraits implements Traits {
  readonly hostname: string;
  readonly pathname: string;
  readonly client: string | null;
  readonly #request: Request;
  #parameters: URLSearchParams | undefined;

  /** @param where the request's host and path */
  constructor(request: Request, where: HostAndPath) {
    this.#request = request;
    this.hostname = where.hostname;
    this.pathname = where.pathname;
    this.client = request.headers.get("CF-Connecting-IP");
  }

  get method(): string {
    return this.#request.method;
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

  cookie(name: string): readonly string[] {
    return cookiesNamed(this.#request.headers.get("Cookie") ?? "", name);
  }

  query(name: string): readonly string[] {
    this.#parameters ??= new URL(this.#request.url).searchParams;
    return this.#parameters.getAll(name);
  }
}

/** What the runtime can hand on is narrower than what `URL` reads: `http://exa%6dple.com/`, `http://a\b/`. */
const AUTHORITY = /^https?:\/\/[\w.:@[\]-]+(?:[/?#]|$)/;

/** Where a request goes; `undefined` when it cannot be read and handed on: a `Host` such as `a b` makes a URL that is none. */
export function destinationOf({ url }: Request): HostAndPath | undefined {
  return hostAndPath(url) ?? (AUTHORITY.test(url) ? asURL(url) : undefined);
}

/** Host and path, whether or not the request can be handed on; `undefined` when its URL cannot be read at all. */
export const whereTo = ({ url }: Request): HostAndPath | undefined => hostAndPath(url) ?? asURL(url);

const asURL = (url: string): URL | undefined => (URL.canParse(url) ? new URL(url) : undefined);

/** The cookies of a name, as RFC 6265 §5.4 joins them. Each character is looked at once, or a client could make it dear. */
function cookiesNamed(cookies: string, name: string): readonly string[] {
  const values: string[] = [];
  let equals = cookies.indexOf("=");
  for (let start = 0; equals >= 0; ) {
    const semicolon = cookies.indexOf(";", start);
    const end = semicolon < 0 ? cookies.length : semicolon;
    if (equals < end) {
      if (cookies.slice(start, equals).trim() === name) values.push(cookies.slice(equals + 1, end).trim());
      equals = cookies.indexOf("=", end);
    }
    start = end + 1;
  }
  return values;
}
