/** The run under way, for the modules that scripts import; and whose turn it is, for each iteration. */
import { AsyncLocalStorage } from "node:async_hooks";
import { Registry } from "./metrics.ts";

/** One script runs in a process, so its metrics are the process's. */
export const registry = new Registry();

for (const name of ["http_reqs", "iterations", "dropped_iterations"]) registry.declare(name, "counter");
for (const name of ["http_req_failed", "checks"]) registry.declare(name, "rate");
for (const name of ["http_req_duration", "iteration_duration"]) registry.declare(name, "trend");

/** By name, in the order of first use. */
export const checks = new Map<string, { passes: number; fails: number }>();

/** Before another run in the same process: what is declared stays, what was measured goes. */
export function clearSession(): void {
  registry.clear();
  checks.clear();
}

export interface Turn {
  readonly scenario: string;
  readonly vu: number;
  readonly iteration: number;
}

export const turns = new AsyncLocalStorage<Turn>();
