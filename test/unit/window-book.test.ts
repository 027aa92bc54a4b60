/** The book of a planet run, by hand: two keys, two isolates at each place. */
import { describe, expect, test } from "vitest";
import { type ClosedWindow, WindowBook } from "../../loadtest/planet/window-book.ts";

function newBook() {
  const closed: ClosedWindow[] = [];
  const book = new WindowBook(2, 2, ({ seenBy, ...rest }) => closed.push({ ...rest, seenBy: [...seenBy] }));
  return { book, closed };
}

describe("the book of windows", () => {
  test("has two windows of a key open; the third closes the first, and the end the others", () => {
    const { book, closed } = newBook();
    book.saw(1, 10, 0);
    book.admitted(1, 10, 0, 1);
    book.saw(1, 11, 1);
    book.admitted(1, 10, 0, 1);
    book.saw(0, 12, 3);
    expect(closed).toEqual([]);
    book.saw(1, 12, 0);
    const first = { key: 1, window: 10, admitted: 2, sources: 1, seenBy: [0] };
    expect(closed).toEqual([first]);
    book.end();
    expect(closed).toEqual([
      first,
      { key: 0, window: 12, admitted: 0, sources: 0, seenBy: [3] },
      { key: 1, window: 12, admitted: 0, sources: 0, seenBy: [0] },
      { key: 1, window: 11, admitted: 0, sources: 0, seenBy: [1] },
    ]);
    book.end();
    expect(closed).toHaveLength(4);
  });

  test("refuses what comes for a window that is closed", () => {
    const { book } = newBook();
    book.saw(0, 12, 0);
    expect(() => book.admitted(0, 10, 0, 1)).toThrow(new RangeError("window 10 of key 0 is closed"));
  });

  test("counts as sources the isolates that admitted, and again those whose entry was replaced", () => {
    const { book, closed } = newBook();
    for (const birth of [4, 4, 9, 9, -1]) book.admitted(0, 7, 2, birth);
    book.admitted(0, 7, 3, 4);
    book.end();
    expect(closed).toEqual([{ key: 0, window: 7, admitted: 6, sources: 2 + 2, seenBy: [2, 3] }]);
  });

  test("begins a window with nothing of the one that had its place", () => {
    const { book, closed } = newBook();
    book.admitted(0, 7, 2, 4);
    book.admitted(0, 7, 0, 4);
    book.admitted(0, 9, 2, 5);
    book.end();
    expect(closed.at(-1)).toEqual({ key: 0, window: 9, admitted: 1, sources: 1, seenBy: [2] });
  });

  test("keeps a list for a key that two places see, with all that was known of the first", () => {
    const { book, closed } = newBook();
    book.saw(0, 7, 1);
    book.admitted(0, 7, 0, 4);
    book.admitted(0, 7, 0, 5);
    book.saw(0, 7, 6);
    expect(book.seenBy(0, 7)).toEqual([0, 1, 6]);
    // Isolate 0 again, by a third entry; 6 by its first two; 1 only sees the client.
    book.admitted(0, 7, 0, 6);
    book.admitted(0, 7, 0, 6);
    book.admitted(0, 7, 6, 4);
    book.admitted(0, 7, 6, 8);
    book.saw(0, 7, 6);
    book.end();
    expect(closed).toEqual([{ key: 0, window: 7, admitted: 6, sources: 3 + 2, seenBy: [0, 1, 6] }]);
  });

  test("tells who saw the client in a window that is open, and nobody in one that is not", () => {
    const { book } = newBook();
    book.saw(1, 7, 5);
    expect([book.seenBy(1, 7), book.seenBy(1, 9), book.seenBy(0, 7)]).toEqual([[5], [], []]);
    book.end();
    expect(book.seenBy(1, 7)).toEqual([]);
  });
});
