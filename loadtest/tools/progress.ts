/** How far a command is, on stderr, for someone who waits at a terminal. */

/** It appears after this, on a terminal, and is rewritten so often, ms. */
const PROGRESS_AFTER_MS = 2_000;
const PROGRESS_EVERY_MS = 500;

/** Runs `work`, which tells how far it is; shows `words` of it when that takes long. */
export async function withProgress<T>(
  words: (done: number) => string,
  work: (progress: (done: number) => void) => Promise<T>,
): Promise<T> {
  let done = 0;
  let shown = false;
  const startedAt = performance.now();
  const show = (): void => {
    if (performance.now() - startedAt < PROGRESS_AFTER_MS) return;
    shown = true;
    process.stderr.write(`\r${words(done)}`);
  };
  const timer = process.stderr.isTTY ? setInterval(show, PROGRESS_EVERY_MS) : undefined;
  try {
    return await work((count) => {
      done = count;
    });
  } finally {
    clearInterval(timer);
    // Erases the line: the report follows on a clean one.
    if (shown) process.stderr.write("\r\u001b[K");
  }
}
