/** What the built-in runner cannot do, or a script does wrong; the message is one line for a person. */
export class RunnerError extends Error {}

/** `known`, but asking it for anything else is an error: silence would look like a result. */
export function only<T extends object>(name: string, known: T): T {
  return new Proxy(known, {
    get(target, key, receiver) {
      if (typeof key === "string" && !(key in target)) {
        throw new RunnerError(`the built-in runner has no ${name}.${key}: run this script with k6`);
      }
      return Reflect.get(target, key, receiver);
    },
  });
}
