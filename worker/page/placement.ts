/** Where badges go on the map: near their places, and apart from each other. Pure. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

const ROUNDS = 120;
/** How much of the way back to its place a badge is drawn in each round. */
const PULL = 0.04;

/**
 * Moves points apart until none is nearer to another than `apart`, as far as the room allows. The same points come
 * out the same: London stays left of Paris however often the map is drawn.
 * @param size of the map; points stay `margin` away from its edges
 */
export function spreadOut(
  places: readonly Point[],
  apart: Point,
  size: Point,
  margin: Point,
): readonly Point[] {
  const points = places.map(({ x, y }) => ({ x, y }));
  for (let round = 0; round < ROUNDS; round += 1) {
    const isLast = round > ROUNDS / 2;
    for (const [index, point] of points.entries()) {
      for (const other of points.slice(index + 1)) part(point, other, apart);
      const place = places[index] ?? point;
      // In the end they only part: what is drawn back could touch again.
      if (!isLast) {
        point.x += PULL * (place.x - point.x);
        point.y += PULL * (place.y - point.y);
      }
      point.x = Math.min(size.x - margin.x, Math.max(margin.x, point.x));
      point.y = Math.min(size.y - margin.y, Math.max(margin.y, point.y));
    }
  }
  return points;
}

/** Badges are wider or higher than they are apart: distances are taken in units of what they need. */
function part(a: { x: number; y: number }, b: { x: number; y: number }, apart: Point): void {
  const dx = (b.x - a.x) / apart.x;
  const dy = (b.y - a.y) / apart.y;
  const distance = Math.hypot(dx, dy);
  if (distance >= 1) return;
  const [ux, uy] = distance === 0 ? [1, 0] : [dx / distance, dy / distance];
  const half = (1 - distance) / 2;
  a.x -= half * ux * apart.x;
  a.y -= half * uy * apart.y;
  b.x += half * ux * apart.x;
  b.y += half * uy * apart.y;
}
