/** The map: each POP with its count, arcs to owners, and a ring for each announcement. */
import { HEIGHT, LAND, PLACES, WIDTH } from "onecount:world";
import { byId, html, keyed, setAttribute, setText, svg } from "./dom.ts";
import { compact, rate } from "./format.ts";
import type { Overview } from "./overview.ts";
import { type Point, spreadOut } from "./placement.ts";

/** More would hide the map: of many POPs the busiest have badges, the others are dots. */
const BADGES_MAX = { wide: 24, narrow: 8 };
/** Arcs of clients that are not chosen: those with the most clients. */
const FLOWS_MAX = 40;
/** Up to so many POPs each has its arc to the owner; beyond that those where the client was seen. */
const ARCS_FROM_ALL_MAX = 12;
/** In pixels: how far apart badges are, across and down, on wide and narrow maps. */
const APART = { wide: { x: 50, y: 62 }, narrow: { x: 38, y: 52 } };
const NARROW_PX = 480;
/** A badge farther from its place than this has a line to it. */
const LEADER_PX = 6;

export interface MapOptions {
  /** POPs that are there from the start. */
  readonly pops: readonly string[];
  /** What a click on a POP does. Without it they are no buttons. */
  readonly onPop: ((pop: string) => void) | undefined;
}

interface Badge {
  readonly pop: string;
  readonly count: string;
  readonly kind: string;
  readonly words: string;
}

export class LiveMap {
  readonly #options: MapOptions;
  readonly #map = byId("map", HTMLElement);
  readonly #arcs = byId("arcs", SVGSVGElement);
  readonly #places = svg("g");
  readonly #lines = svg("g");
  readonly #pulses = svg("g");
  readonly #setBadges: (badges: readonly Badge[]) => void;
  readonly #ringing = new Set<string>();
  #width = 0;
  /** Of the POPs with badges, by name; anew when the POPs or the width change. */
  #spots: ReadonlyMap<string, Point> = new Map();
  #placed = "";
  #linesDrawn = "";

  constructor(options: MapOptions) {
    this.#options = options;
    const land = byId("land", SVGSVGElement);
    land.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    land.append(svg("path", { d: LAND }));
    this.#arcs.append(this.#places, this.#lines, this.#pulses);
    this.#setBadges = keyed(
      byId("badges", HTMLElement),
      ({ pop }: Badge) => pop,
      ({ pop }) => this.#badge(pop),
      (element, badge) => this.#update(element, badge),
    );
    new ResizeObserver(([entry]) => {
      this.#width = entry?.contentRect.width ?? 0;
      this.onResize?.();
    }).observe(this.#map);
    this.#width = this.#map.clientWidth;
  }

  /** Called when the map must be drawn anew. */
  onResize: (() => void) | undefined;

  draw(seen: Overview, rates: ReadonlyMap<string, number>): void {
    const pops = [...new Set([...this.#options.pops, ...seen.pops])];
    const known = pops.filter((pop) => PLACES[pop] !== undefined);
    const weight = (pop: string): number =>
      (seen.chosen?.pops.get(pop)?.used ?? 0) * 1e6 + (rates.get(pop) ?? 0);
    const most = this.#isNarrow ? BADGES_MAX.narrow : BADGES_MAX.wide;
    const shown =
      known.length <= most ? known : known.toSorted((a, b) => weight(b) - weight(a)).slice(0, most);
    this.#place(shown, known);
    this.#setBadges(shown.map((pop) => badgeOf(pop, seen, rates, this.#options.onPop !== undefined)));
    this.#draw(seen, known.length <= ARCS_FROM_ALL_MAX ? known : [...(seen.chosen?.pops.keys() ?? [])]);
    const elsewhere = pops.filter((pop) => PLACES[pop] === undefined);
    const words = byId("elsewhere", HTMLElement);
    words.hidden = elsewhere.length === 0;
    setText(
      words,
      `Not on the map: ${elsewhere.map((pop) => `${pop} ${countAt(pop, seen, rates)}`).join(", ")}`,
    );
  }

  /** A ring at the owner's POP. */
  pulse(pop: string | null, isBlock: boolean): void {
    const at = pop === null ? undefined : this.#at(pop);
    // One ring at a time at each POP: a thousand announcements a second are no thousand rings.
    if (pop === null || at === undefined || this.#ringing.has(pop)) return;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden) return;
    this.#ringing.add(pop);
    const ring = svg("circle", {
      class: isBlock ? "pulse of-block" : "pulse",
      cx: String(at.x),
      cy: String(at.y),
      r: "20",
    });
    const end = (): void => {
      ring.remove();
      this.#ringing.delete(pop);
    };
    ring.addEventListener("animationend", end, { once: true });
    this.#pulses.append(ring);
  }

  get #isNarrow(): boolean {
    return this.#width < NARROW_PX;
  }

  #at(pop: string): Point | undefined {
    return this.#spots.get(pop) ?? this.#placeOf(pop);
  }

  #placeOf(pop: string): Point | undefined {
    const place = PLACES[pop];
    const scale = this.#width / WIDTH;
    return place && { x: place[1] * scale, y: place[2] * scale };
  }

  #place(shown: readonly string[], known: readonly string[]): void {
    const placed = `${this.#width} ${shown.join()} ${known.length}`;
    if (placed === this.#placed) return;
    this.#placed = placed;
    const height = (this.#width * HEIGHT) / WIDTH;
    const apart = this.#isNarrow ? APART.narrow : APART.wide;
    const places = shown.flatMap((pop) => this.#placeOf(pop) ?? []);
    const points = spreadOut(
      places,
      apart,
      { x: this.#width, y: height },
      { x: apart.x / 2, y: apart.y / 2 },
    );
    // The number is the middle of a badge, its name hangs below.
    const up = (apart.y - apart.x) / 2;
    const spots = points.map(({ x, y }) => ({ x: Math.round(x), y: Math.round(y - up) }));
    this.#spots = new Map(
      shown.flatMap((pop, index) => (spots[index] ? [[pop, spots[index]] as const] : [])),
    );
    this.#places.replaceChildren(
      ...shown.flatMap((_, index) => leader(places[index], spots[index])),
      ...known.flatMap((pop) => {
        const at = this.#placeOf(pop);
        return at ? [svg("circle", { class: "place", cx: String(at.x), cy: String(at.y), r: "2" })] : [];
      }),
    );
    this.#linesDrawn = "";
  }

  #badge(pop: string): HTMLElement {
    const shape = svg(
      "svg",
      { viewBox: "-23 -23 46 46", "aria-hidden": "true" },
      svg("circle", { class: "ring", r: "21.5" }),
      svg("circle", { class: "shape", r: "17" }),
      svg("path", {
        class: "shape octagon",
        d: "M-7.5 -17.500h15l10.500 10.500v15l-10.500 10.500h-15l-10.500-10.500v-15z",
      }),
      svg("text", { y: "0.5" }),
    );
    const name = html("span", { class: "name" }, pop);
    const { onPop } = this.#options;
    const badge = onPop
      ? html("button", { type: "button", class: "badge" }, shape, name, html("span", { class: "unseen" }))
      : html("div", { role: "img", class: "badge" }, shape, name);
    if (onPop) badge.addEventListener("click", () => onPop(pop));
    return html("li", { "data-pop": pop }, badge);
  }

  #update(item: HTMLElement, { pop, count, kind, words }: Badge): void {
    const badge = item.firstElementChild as HTMLElement;
    const spot = this.#spots.get(pop);
    const text = badge.querySelector("text");
    if (spot === undefined || text === null) return;
    item.style.left = `${spot.x}px`;
    item.style.top = `${spot.y}px`;
    setAttribute(badge, "class", `badge ${kind}`);
    const unseen = badge.querySelector(".unseen");
    if (unseen === null) setAttribute(badge, "aria-label", words);
    else setText(unseen, words);
    setAttribute(text, "class", count.length > 3 ? "is-long" : "");
    setText(text, count);
  }

  #draw({ chosen, flows }: Overview, from: readonly string[]): void {
    const owner = chosen?.claimed === true ? chosen.claimedBy : null;
    const wanted = [
      ...flows.slice(0, FLOWS_MAX).map(({ from, to, clients }) => ({
        from,
        to,
        kind: "flow",
        width: 1 + Math.min(2, Math.log2(clients) / 2),
      })),
      ...(owner === null ? [] : from)
        .filter((pop) => pop !== owner)
        .map((pop) => ({ from: pop, to: owner ?? "", kind: "forward", width: 2.25 })),
    ];
    const drawn = JSON.stringify(wanted);
    if (drawn === this.#linesDrawn) return;
    this.#linesDrawn = drawn;
    this.#arcs.classList.toggle("has-chosen", chosen !== undefined);
    this.#lines.replaceChildren(
      ...wanted.flatMap(({ from, to, kind, width }) => {
        const [start, end] = [this.#at(from), this.#at(to)];
        if (start === undefined || end === undefined) return [];
        return [svg("path", { class: kind, d: arc(start, end), "stroke-width": width.toFixed(1) })];
      }),
    );
  }
}

/** What a POP's badge says: of the chosen client, or of all requests. */
const countAt = (pop: string, { chosen }: Overview, rates: ReadonlyMap<string, number>): string =>
  chosen === undefined ? rate(rates.get(pop) ?? 0) : compact(chosen.pops.get(pop)?.used ?? 0);

function badgeOf(pop: string, seen: Overview, rates: ReadonlyMap<string, number>, isButton: boolean): Badge {
  const { chosen, now } = seen;
  const at = chosen?.pops.get(pop);
  const owns = chosen?.claimed === true && chosen.claimedBy === pop;
  const blocks = (at?.blockedUntil ?? 0) > now;
  const asks = at?.claimed === true;
  const count = countAt(pop, seen, rates);
  const kinds = [owns && "owns", blocks && "blocks", asks && "asks", count === "0" && "is-idle"];
  const what =
    chosen === undefined ? `${count} requests a second` : `${count} requests of ${chosen.key} admitted`;
  const words = [
    // The name of a button begins with what is seen of it.
    `${isButton ? "" : pop}, ${PLACES[pop]?.[0]}: ${what}`,
    ...(owns ? ["the owner is here"] : []),
    ...(blocks ? ["blocks it"] : asks ? ["forwards to the owner"] : []),
  ];
  return {
    pop,
    count,
    kind: kinds.filter((kind) => kind !== false).join(" "),
    words: `${words.join(", ")}.${isButton ? " Send one request." : ""}`,
  };
}

/** A flat bow from one point to another, over both. */
function arc(from: Point, to: Point): string {
  const lift = 0.22 * Math.hypot(to.x - from.x, to.y - from.y) + 8;
  const x = (from.x + to.x) / 2;
  const y = Math.max(4, Math.min(from.y, to.y, (from.y + to.y) / 2) - lift);
  return `M${from.x} ${from.y}Q${x} ${y} ${to.x} ${to.y}`;
}

function leader(place: Point | undefined, spot: Point | undefined): SVGElement[] {
  if (place === undefined || spot === undefined) return [];
  if (Math.hypot(place.x - spot.x, place.y - spot.y) < LEADER_PX) return [];
  return [svg("path", { class: "leader", d: `M${place.x} ${place.y}L${spot.x} ${spot.y}` })];
}
