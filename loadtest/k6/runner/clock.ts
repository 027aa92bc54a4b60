/** Time as the runner sees it, so that tests can do without waiting. */
export interface Clock {
  /** Ms since some moment. */
  now(): number;
  /** Resolves once `now()` has reached `due`, or at once when `signal` is aborted. */
  until(due: number, signal?: AbortSignal): Promise<void>;
}

export const realClock: Clock = {
  now: () => performance.now(),
  async until(due, signal) {
    // A timer may fire a little early.
    for (let left = due - performance.now(); left > 0 && !signal?.aborted; left = due - performance.now()) {
      await pause(left, signal);
    }
  },
};

const pause = (length: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, length);
    signal?.addEventListener("abort", end, { once: true });
  });
