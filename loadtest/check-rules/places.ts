/** Where things stand in a file: for each table, key and item the line and column at which a person finds it. */
import type { Place } from "../../shared/rule-problem.ts";

/** Both from 1, as editors count. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export class Places {
  readonly #known = new Map<string, Position>();

  /** The first position noted for a place stays: tables may be mentioned again further down. */
  note(place: Place, position: Position): void {
    const key = JSON.stringify(place);
    if (!this.#known.has(key)) this.#known.set(key, position);
  }

  /** Where a place stands, or what holds it: a field that is missing stands in its table. */
  find(place: Place): Position | undefined {
    for (let length = place.length; length > 0; length--) {
      const position = this.#known.get(JSON.stringify(place.slice(0, length)));
      if (position !== undefined) return position;
    }
    return undefined;
  }
}

/** `FILE:LINE:COLUMN`, as compilers write it and editors open it; `FILE` alone of what has no place. */
export const located = (file: string, { line, column }: Partial<Position>): string =>
  line === undefined || column === undefined ? file : `${file}:${line}:${column}`;
