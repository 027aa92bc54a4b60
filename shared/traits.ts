/**
 * What rules look at in a request, whatever it came by. Everything but host, path and client is read when a rule asks for
 * it: most rules need little, and to read more costs more than to decide.
 */
export interface Traits {
  readonly method: string;
  /** In lower case, without a port. */
  readonly hostname: string;
  /** As `URL.pathname` has it. */
  readonly pathname: string;
  /** The client's address as the platform tells it; `null` where it does not. */
  readonly client: string | null;
  /** Two letters, upper case, as ISO 3166-1 has them; `undefined` where the platform does not tell it. */
  readonly country: string | undefined;
  /** The number of the client's network. */
  readonly asn: number | undefined;
  /** A header's value, several joined by `, `; `undefined` when there is none. `name` in lower case. */
  header(name: string): string | undefined;
  /** The values of the cookies of that name as they were sent, in order. */
  cookie(name: string): readonly string[];
  /** The values of a parameter of the query, decoded, in order. */
  query(name: string): readonly string[];
}
