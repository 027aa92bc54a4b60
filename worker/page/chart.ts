/** Requests a second by decision, stacked, over the last two minutes. */
import uPlot from "uplot";
import { byId, html, setAttribute, setText } from "./dom.ts";
import { clock, rate } from "./format.ts";
import { DECISIONS, type Decision, type Series } from "./series.ts";

/** The legend's numbers are means of so many seconds. */
const LEGEND_SECONDS = 5;

const WORDS: Readonly<Record<Decision, string>> = {
  credit: "credit (decided at the POP)",
  owner: "owner (asked)",
  blocked: "blocked (denied at the POP)",
  degraded: "degraded (owner out of reach)",
};

export class DecisionChart {
  readonly #root = byId("chart", HTMLElement);
  readonly #numbers = new Map<Decision, Element>();
  readonly #series: Series;
  #plot: uPlot | undefined;
  #drawn = -1;
  #data: uPlot.AlignedData = [[]];

  constructor(series: Series) {
    this.#series = series;
    for (const decision of DECISIONS) {
      const number = html("b", {}, "0");
      this.#numbers.set(decision, number);
      byId("chart-legend", HTMLElement).append(
        html("li", {}, html("span", { class: `swatch of-${decision}` }), WORDS[decision], number),
      );
    }
    // Colours are drawn, not styled: another scheme takes another plot.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#build());
    new ResizeObserver(() => this.#plot?.setSize(this.#size)).observe(this.#root);
  }

  get #size(): { readonly width: number; readonly height: number } {
    return { width: this.#root.clientWidth, height: this.#root.clientHeight };
  }

  draw(): void {
    // Bars are of a second.
    const { version } = this.#series;
    if (version === this.#drawn) return;
    this.#drawn = version;
    const { seconds, byDecision } = this.#series.columns();
    // Bars stand behind each other: each is as high as its own number and all below it.
    const stacked: number[][] = [];
    for (const column of byDecision) {
      const below = stacked.at(-1);
      stacked.push(column.map((value, index) => value + (below?.[index] ?? 0)));
    }
    this.#data = [seconds, ...stacked.toReversed()];
    if (this.#plot === undefined) this.#build();
    else this.#plot.setData(this.#data);
    this.#tell();
  }

  #tell(): void {
    const { byDecision } = this.#series.totals(LEGEND_SECONDS);
    const words: string[] = [];
    for (const [decision, number] of this.#numbers) {
      const text = rate(byDecision[decision] / LEGEND_SECONDS);
      setText(number, text);
      words.push(`${decision} ${text}`);
    }
    setAttribute(this.#root, "aria-label", `Requests a second now: ${words.join(", ")}`);
  }

  #build(): void {
    this.#plot?.destroy();
    const styles = getComputedStyle(this.#root);
    const colours = new Map(DECISIONS.map((name) => [name, resolved(this.#root, `var(--${name})`)]));
    const [ink, line] = [resolved(this.#root, "var(--muted)"), resolved(this.#root, "var(--line)")];
    const bars = uPlot.paths.bars?.({ size: [0.86, 40], align: 1 });
    const axis: uPlot.Axis = {
      stroke: ink,
      font: `12px ${styles.fontFamily}`,
      grid: { stroke: line, width: 1 },
      ticks: { show: false },
    };
    this.#plot = new uPlot(
      {
        ...this.#size,
        legend: { show: false },
        cursor: { show: false },
        padding: [10, 32, 0, 0],
        scales: { y: { range: (_, __, most) => [0, Math.max(4, most * 1.08)] } },
        axes: [
          { ...axis, grid: { show: false }, space: 90, values: (_, ticks) => ticks.map(timeOfDay) },
          {
            ...axis,
            size: 44,
            space: 34,
            values: (_, ticks) => ticks.map((tick) => rate(tick).replace(".0", "")),
          },
        ],
        series: [
          {},
          ...DECISIONS.toReversed().map(
            (name): uPlot.Series => ({
              label: name,
              width: 0,
              points: { show: false },
              fill: colours.get(name) ?? ink,
              ...(bars && { paths: bars }),
            }),
          ),
        ],
      },
      this.#data,
      this.#root,
    );
  }
}

const timeOfDay = (seconds: number): string => clock(seconds * 1_000).replace(/\.\d+$/, "");

/** What a canvas takes for a colour: without variables and schemes. */
function resolved(root: HTMLElement, colour: string): string {
  const probe = html("i");
  probe.style.color = colour;
  root.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
