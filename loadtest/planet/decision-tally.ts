/** How the requests of a planet run were decided: by kind of decision, and by shape of traffic. */
import type { How } from "../../shared/pop/decide.ts";
import { type Part, SHAPES, type Shape } from "./traffic.ts";

export interface Decided {
  readonly requests: number;
  readonly admitted: number;
  readonly denied: number;
}

export const HOWS = ["credit", "owner", "blocked", "degraded"] as const satisfies readonly How[];

export class DecisionTally {
  /** By client: index of its shape. */
  readonly #shapes: Uint8Array;
  /** Of each shape by kind: admitted, then denied. */
  readonly #counts = new Float64Array(SHAPES.length * HOWS.length * 2);

  constructor(parts: Readonly<Record<Shape, Part>>) {
    this.#shapes = new Uint8Array(Math.max(...SHAPES.map((shape) => parts[shape].clients.to)));
    for (const [index, shape] of SHAPES.entries())
      this.#shapes.fill(index, parts[shape].clients.from, parts[shape].clients.to);
  }

  shapeOf(client: number): Shape {
    return SHAPES[this.#shapes[client] as number] as Shape;
  }

  take(client: number, how: How, admitted: boolean): void {
    const at = cell(this.#shapes[client] as number, HOWS.indexOf(how)) + (admitted ? 0 : 1);
    this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  byHow(how: How): Decided {
    return this.#sum((_, index) => index === HOWS.indexOf(how));
  }

  byShape(shape: Shape): Decided {
    return this.#sum((index) => index === SHAPES.indexOf(shape));
  }

  all(): Decided {
    return this.#sum(() => true);
  }

  #sum(wanted: (shape: number, how: number) => boolean): Decided {
    let [admitted, denied] = [0, 0];
    for (let shape = 0; shape < SHAPES.length; shape += 1) {
      for (let how = 0; how < HOWS.length; how += 1) {
        if (!wanted(shape, how)) continue;
        admitted += this.#counts[cell(shape, how)] as number;
        denied += this.#counts[cell(shape, how) + 1] as number;
      }
    }
    return { requests: admitted + denied, admitted, denied };
  }
}

const cell = (shape: number, how: number): number => 2 * (shape * HOWS.length + how);
