/** Reads an HTTP/1.1 answer. Just what a benchmark needs, so that the client takes little of the machine. */

export interface HttpAnswer {
  readonly status: number;
  /** Status line and headers, with a CR LF before each header. */
  readonly head: string;
  readonly body: string;
}

/** An answer as a Worker makes it. */
export interface Answer {
  readonly status: number;
  /** Those that the Worker itself sets, as it spells them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const HEAD_END = "\r\n\r\n";

/**
 * The answer in `text`, one character for each byte; undefined while part of it is missing.
 * Throws on what is no answer, and on bytes after its end: nobody asked for a second one.
 */
export function readAnswer(text: string): HttpAnswer | undefined {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  if (!(status >= 200)) throw new Error(`no HTTP/1.1 answer: ${head.slice(0, 40)}`);
  const start = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) {
    const body = readChunks(text, start);
    return body === undefined ? undefined : { status, head, body };
  }
  const end = start + Number(length);
  if (text.length > end) throw new Error("bytes after the end of an answer");
  return text.length < end ? undefined : { status, head, body: text.slice(start) };
}

/** All headers as they are spelled. */
export const headersOf = (head: string): readonly (readonly [name: string, value: string])[] =>
  head
    .split("\r\n")
    .slice(1)
    .map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });

/** A chunked body from `start` on; undefined while part of it is missing. */
function readChunks(text: string, start: number): string | undefined {
  let body = "";
  for (let at = start; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const digits = text.slice(at, lineEnd);
    if (!/^[0-9a-f]+$/i.test(digits)) throw new Error("an answer with neither a Content-Length nor chunks");
    const size = Number.parseInt(digits, 16);
    const from = lineEnd + 2;
    at = from + size + 2;
    if (text.length < at) return undefined;
    if (size === 0) break;
    body += text.slice(from, from + size);
  }
  if (!text.endsWith("0\r\n\r\n")) throw new Error("bytes after the end of an answer");
  return body;
}
