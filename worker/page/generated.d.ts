/** What the build makes of the outlines of the world and the list of cities; see package/page.ts. */
declare module "onecount:world" {
  /** One SVG path of all land. */
  export const LAND: string;
  /** The size of the map that the path and the places are drawn on. */
  export const WIDTH: number;
  export const HEIGHT: number;
  /** By the IATA code of a data centre: its city, and where that is on the map. */
  export const PLACES: Readonly<Record<string, readonly [city: string, x: number, y: number]>>;
}

/** Style sheets that a module brings along are bundled beside it. */
declare module "*.css";
