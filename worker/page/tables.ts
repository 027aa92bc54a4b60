/** The tables: busiest clients, claims by rule, excess against the bound. */
import type { Accuracy, AccuracyFigures } from "../../shared/telemetry/live.ts";
import { durationMs, formatDuration } from "../../shared/time.ts";
import { byId, html, keyed, setText } from "./dom.ts";
import { count, left } from "./format.ts";
import type { Chosen, ClientRow, Overview, RuleRow } from "./overview.ts";
import { switchesText } from "./switches.ts";

/** Rows of a table; a busy deployment has thousands of clients. */
const ROWS_MAX = 50;
/** POPs that are named in one row. */
const POPS_NAMED_MAX = 5;

export class Tables {
  readonly #clients: (rows: readonly ClientRow[]) => void;
  readonly #rules: (rows: readonly RuleRow[]) => void;
  readonly #accuracy: (rows: readonly AccuracyFigures[]) => void;
  #seen: Overview | undefined;

  constructor(choose: (client: Chosen) => void) {
    this.#clients = keyed(
      byId("clients", HTMLElement),
      ({ id }: ClientRow) => id,
      ({ id, key }) => {
        const button = html("button", { type: "button", class: "link" }, key);
        button.addEventListener("click", () => {
          const row = this.#seen?.clients.find((client) => client.id === id);
          if (row !== undefined) choose(row);
        });
        return html("tr", {}, html("td", {}, button), ...cells(["", "number", "", "", ""]));
      },
      (element, row) => {
        const [key, rule, used, pops, owner, state] = element.children;
        if (key?.firstElementChild) setText(key.firstElementChild, row.key);
        fill([rule, row.rule], [used, count(row.used)], [pops, popsOf(row)], [owner, row.claimedBy ?? "–"]);
        const now = this.#seen?.now ?? 0;
        if (state instanceof HTMLElement) {
          state.className = row.blockedUntil > 0 ? "state-blocked" : row.claimed ? "state-claimed" : "";
          setText(
            state,
            row.blockedUntil > 0
              ? `■ blocked, ${left(row.blockedUntil, now)}`
              : row.claimed
                ? "● claimed"
                : "local",
          );
        }
        element.classList.toggle("is-chosen", row === this.#seen?.chosen);
      },
    );
    this.#rules = keyed(
      byId("rules", HTMLElement),
      ({ name }: RuleRow) => name,
      () => {
        const name = html("td", {}, html("span"), html("small"));
        return html("tr", {}, name, ...cells(["", "number", "number", "number"]));
      },
      (element, row) => {
        const [cell, quota, threshold, claimed, blocked] = element.children;
        const [name, switches] = cell?.children ?? [];
        element.setAttribute("title", row.guarantee);
        const mode = row.mode === "shadow" ? " (shadow)" : "";
        const { excessMax, ...others } = row;
        const most = excessMax === undefined ? "" : "auto ≤ ";
        fill([name, `${row.name}${mode}`], [switches, switchesText(others)], [quota, quotaOf(row)]);
        fill(
          [threshold, `${most}${count(row.threshold)}`],
          [claimed, count(row.claimed)],
          [blocked, count(row.blocked)],
        );
      },
    );
    this.#accuracy = keyed(
      byId("accuracy", HTMLElement),
      ({ rule }: AccuracyFigures) => rule,
      () => html("tr", {}, ...cells(["", "number", "number", "number", "number", "number"])),
      (element, { rule, admitted, over, under, worst, bound }) => {
        const [name, all, more, less, most, allowed] = element.children;
        fill([name, rule], [all, count(admitted)], [more, count(over)], [less, count(under)]);
        fill([most, `+${count(worst)}`], [allowed, `+${count(bound)}`]);
        most?.classList.toggle("is-over", worst > bound);
      },
    );
  }

  draw(seen: Overview, accuracy: Accuracy | null): void {
    this.#seen = seen;
    this.#clients(seen.clients.slice(0, ROWS_MAX));
    byId("clients-none", HTMLElement).hidden = seen.clients.length > 0;
    this.#rules(seen.rules.slice(0, ROWS_MAX));
    const figures = accuracy?.rules ?? [];
    this.#accuracy(figures.slice(0, ROWS_MAX));
    byId("accuracy-table", HTMLElement).hidden = figures.length === 0;
    const admitted = figures.reduce((sum, rule) => sum + rule.admitted, 0);
    const over = figures.reduce((sum, rule) => sum + rule.over, 0);
    if (figures.length > 0)
      setText(
        byId("accuracy-hint", HTMLElement),
        `Of ${count(admitted)} admitted requests that were counted exactly, ${count(over)} were too many. “Worst” is the most that one key was over in one window, beside what the bound allows there.`,
      );
  }
}

const cells = (classes: readonly string[]): HTMLElement[] =>
  classes.map((name) => html("td", name === "" ? {} : { class: name }));

function fill(...texts: (readonly [cell: Element | undefined, text: string])[]): void {
  for (const [cell, text] of texts) if (cell !== undefined) setText(cell, text);
}

const quotaOf = ({ limit, windowMs }: RuleRow): string =>
  `${count(limit)} / ${formatDuration(durationMs(windowMs))}`;

function popsOf({ pops }: ClientRow): string {
  const names = [...pops.keys()].sort((a, b) => (pops.get(b)?.used ?? 0) - (pops.get(a)?.used ?? 0));
  const more = names.length - POPS_NAMED_MAX;
  const named = names.slice(0, POPS_NAMED_MAX).join(" ");
  return more > 0 ? `${named} +${more}` : named === "" ? "–" : named;
}
