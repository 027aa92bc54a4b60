/** Lets Node load a k6 script: "k6" and its modules are those of this folder. */
import { registerHooks } from "node:module";

const MODULES: Readonly<Record<string, string>> = {
  k6: "./module-k6.ts",
  "k6/http": "./module-http.ts",
  "k6/metrics": "./module-metrics.ts",
  "k6/execution": "./module-execution.ts",
};

/** From now on, in this process. */
export function resolveK6(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const file = MODULES[specifier];
      if (file !== undefined) return { url: new URL(file, import.meta.url).href, shortCircuit: true };
      return next(specifier, context);
    },
  });
}
