/**
 * Streams the lines of a log, plain or gzip (told by its first bytes, not by its name), so that a log of
 * any size needs no more memory than its slice.
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { createGunzip } from "node:zlib";
import { fail, fileProblem } from "../tools/cli.ts";
import { LINE_CHARS_MAX, SHOWN_CHARS_MAX, UNPARSED_SHOWN } from "./bounds.ts";
import { type LogEntry, parseLine } from "./log-line.ts";

/** A line that is no request, as it may be shown on a terminal. */
export interface UnparsedLine {
  readonly lineNumber: number;
  readonly problem: string;
  /** Escaped and cut. */
  readonly text: string;
}

export interface LogSummary {
  readonly lines: number;
  readonly parsed: number;
  readonly unparsed: number;
  /** The first few of them. */
  readonly shown: readonly UnparsedLine[];
}

/**
 * Hands every request of the log to `use`, in the file's order, and tells `progress` each line's number. Ends the command when the file cannot be
 * read to its end or holds no request at all.
 */
export async function readLog(
  path: string,
  use: (entry: LogEntry) => void,
  progress: (lines: number) => void = () => {},
): Promise<LogSummary> {
  let parsed = 0;
  let unparsed = 0;
  const shown: UnparsedLine[] = [];
  const lines = await forEachLine(path, (line, lineNumber) => {
    progress(lineNumber);
    const result =
      line === undefined ? { problem: `longer than ${LINE_CHARS_MAX} characters` } : parseLine(line);
    if ("entry" in result) {
      parsed++;
      use(result.entry);
      return;
    }
    unparsed++;
    if (shown.length >= UNPARSED_SHOWN) return;
    shown.push({ lineNumber, problem: result.problem, text: escapeLine(line ?? "") });
  });
  if (lines === 0) fail(`${path} is empty`);
  if (parsed === 0) {
    const first = shown[0];
    fail(
      `${path} has no usable line among ${lines}; line ${first?.lineNumber}: ${first?.problem}: ${first?.text}`,
    );
  }
  return { lines, parsed, unparsed, shown };
}

/** Calls `use` with each line and its number from 1; `undefined` stands for a line that is too long. */
async function forEachLine(
  path: string,
  use: (line: string | undefined, lineNumber: number) => void,
): Promise<number> {
  let count = 0;
  const split = lineSplitter((line) => use(line, ++count));
  try {
    const zipped = await isGzip(path);
    const file = createReadStream(path);
    if (zipped) await pipeline(file, createGunzip(), split.take);
    else await pipeline(file, split.take);
  } catch (error) {
    // Only the file's own trouble has a code; what `use` threw goes on its way.
    if (!(error instanceof Error && "code" in error)) throw error;
    fail(readProblem(path, error, count));
  }
  split.end();
  return count;
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

interface LineSplitter {
  take(chunks: AsyncIterable<Buffer>): Promise<void>;
  /** The last line needs no line end. */
  end(): void;
}

function lineSplitter(emit: (line: string | undefined) => void): LineSplitter {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let tooLong = false;
  const finish = (line: string): void => {
    emit(tooLong || line.length > LINE_CHARS_MAX ? undefined : line.replace(/\r$/, ""));
    tooLong = false;
  };
  return {
    async take(chunks) {
      for await (const chunk of chunks) {
        const parts = decoder.write(chunk).split("\n");
        parts[0] = rest + (parts[0] ?? "");
        rest = parts.pop() ?? "";
        for (const part of parts) finish(part);
        if (rest.length <= LINE_CHARS_MAX) continue;
        tooLong = true;
        rest = "";
      }
    },
    end() {
      rest += decoder.end();
      if (rest !== "" || tooLong) finish(rest);
    },
  };
}

function readProblem(path: string, error: unknown, line: number): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "Z_BUF_ERROR") return `cannot read ${path}: the .gz is cut off (after line ${line})`;
  if (code.startsWith("Z_")) return `cannot read ${path}: the .gz is damaged (after line ${line})`;
  return fileProblem(path, error);
}

/** Logs carry what attackers sent: no control character of theirs may reach a terminal. */
function escapeLine(line: string): string {
  const escaped = line.replace(/[^\x20-\x7e]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
  return escaped.length > SHOWN_CHARS_MAX ? `${escaped.slice(0, SHOWN_CHARS_MAX - 1)}…` : escaped;
}
