/** Server-sent events, read from text that comes in pieces (HTML standard, section 9.2.6). Only their data. Pure. */

/** Longest event that is kept while it is incomplete; a longer one is no event of ours. */
const CHARACTERS_MAX = 16 * 1024 * 1024;

export class EventStreamReader {
  #rest = "";
  #data: string[] = [];

  /** The data of every event that ends in this piece. */
  read(piece: string): readonly string[] {
    const events: string[] = [];
    this.#rest += piece;
    // A carriage return at the end may be half of a line end.
    for (
      let end = /\r\n|\n|\r(?!$)/.exec(this.#rest);
      end !== null;
      end = /\r\n|\n|\r(?!$)/.exec(this.#rest)
    ) {
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      if (line !== "") this.#field(line);
      else if (this.#data.length > 0) events.push(this.#data.splice(0).join("\n"));
    }
    if (this.#rest.length > CHARACTERS_MAX) throw new Error("an event is too long");
    return events;
  }

  #field(line: string): void {
    const data = /^data(?:: ?(.*))?$/s.exec(line);
    if (data !== null) this.#data.push(data[1] ?? "");
  }
}
