/** Stands in for "k6/metrics". */
import type { Kind, Tags } from "./metrics.ts";
import { registry } from "./session.ts";

class Metric {
  readonly name: string;
  constructor(name: string, kind: Kind) {
    this.name = name;
    registry.declare(name, kind);
  }
  add(value: number | boolean, tags: Tags = {}): void {
    registry.add(this.name, value, tags);
  }
}

export class Counter extends Metric {
  constructor(name: string) {
    super(name, "counter");
  }
}

export class Rate extends Metric {
  constructor(name: string) {
    super(name, "rate");
  }
}

export class Trend extends Metric {
  constructor(name: string) {
    super(name, "trend");
  }
}
