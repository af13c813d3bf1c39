// The devices' tiles, kept as they are now: the server tells which squares of the map changed, and
// of the tiles in view those are taken again that were asked for before their square changed.
import type { Map as Atlas, VectorTileSource } from "maplibre-gl";
import { api } from "@/api/client";
import { onMapChanges } from "@/live";
import type { MapChanges } from "@/api/types";

export const SOURCE = "devices";
/** deepest zoom that tiles are asked for; from there on they are drawn larger */
export const DEEPEST = 17;

export function tilesAddress(query: string): string {
  return `${window.location.origin}/api/tiles/devices/{z}/{x}/{y}.mvt${query ? `?${query}` : ""}`;
}

interface Tile {
  z: number;
  x: number;
  y: number;
}
const name = (z: number, x: number, y: number): string => `${z}/${x}/${y}`;

/** What an event of the map says of a tile; MapLibre's types leave it open. */
interface TileEvent {
  sourceId?: string;
  tile?: { tileID?: { canonical: Tile } };
}

/** Zoom of the tiles that the map shows. */
export function tileZoom(map: Atlas): number {
  return Math.min(DEEPEST, Math.max(0, Math.floor(map.getZoom())));
}

function inView(map: Atlas): Tile[] {
  const z = tileZoom(map);
  const side = 2 ** z;
  const box = map.getBounds();
  const column = (longitude: number): number => Math.floor((longitude / 360 + 0.5) * side);
  const row = (latitude: number): number => {
    const sine = Math.sin((latitude * Math.PI) / 180);
    return Math.floor((0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * side);
  };
  const found: Tile[] = [];
  for (let x = Math.max(0, column(box.getWest())); x <= Math.min(side - 1, column(box.getEast())); x += 1) {
    for (let y = Math.max(0, row(box.getNorth())); y <= Math.min(side - 1, row(box.getSouth())); y += 1) found.push({ z, x, y });
  }
  return found;
}

/** Keep the map's tiles as they are now, until the function that this gives is called. `moves`:
 * whether the states of devices decide who is shown; `start`: what the server said before any tile
 * was asked for. */
export function keepFresh(map: Atlas, moves: () => boolean, start: MapChanges | null): () => void {
  const asked = new Map<string, number>();
  const loading = new Set<string>();
  /** squares that changed, with the times of an alarm's and of any change */
  const changed = new Map<string, [number, number]>();
  let squares = start?.z ?? 14;
  let near = start?.near ?? 0;
  let epoch = start?.epoch ?? 0;
  let all = 0;

  function changedAt(tile: Tile, dirty: Map<string, number>): number {
    const up = Math.max(0, tile.z - squares);
    return Math.max(all, dirty.get(name(Math.min(tile.z, squares), tile.x >> up, tile.y >> up)) ?? 0);
  }

  function sweep(): void {
    if (!map.getSource(SOURCE)) return;
    const z = tileZoom(map);
    const down = Math.max(0, squares - z);
    const states = moves() || z >= near;
    const dirty = new Map<string, number>();
    for (const [square, [alarm, any]] of changed) {
      const [x = 0, y = 0] = square.split("/").map(Number);
      const at = name(Math.min(z, squares), x >> down, y >> down);
      dirty.set(at, Math.max(dirty.get(at) ?? 0, states ? any : alarm));
    }
    const now = performance.now();
    // one that is under way is looked at again when it has come
    const stale = inView(map).filter((tile) => {
      const key = name(tile.z, tile.x, tile.y);
      return asked.has(key) && !loading.has(key) && changedAt(tile, dirty) > (asked.get(key) ?? 0);
    });
    for (const tile of stale) asked.set(name(tile.z, tile.x, tile.y), now);
    if (stale.length) map.refreshTiles(SOURCE, stale);
  }

  function apply(told: MapChanges): void {
    const now = performance.now();
    ({ epoch, near, z: squares } = told);
    if (told.whole) {
      changed.clear();
      all = now;
    }
    for (const [x, y] of told.alarms ?? []) changed.set(`${x}/${y}`, [now, now]);
    for (const [x, y] of told.states ?? []) changed.set(`${x}/${y}`, [changed.get(`${x}/${y}`)?.[0] ?? 0, now]);
    sweep();
  }

  async function catchUp(): Promise<void> {
    try {
      apply(await api.get<MapChanges>("/api/tiles/devices/changes", { after: epoch }));
    } catch {
      all = performance.now(); // what was missed is not known: everything is looked at again
      sweep();
    }
  }

  const begun = (event: TileEvent): void => {
    const tile = event.sourceId === SOURCE ? event.tile?.tileID?.canonical : undefined;
    if (!tile) return;
    if (asked.size > 5000) asked.clear();
    asked.set(name(tile.z, tile.x, tile.y), performance.now());
    loading.add(name(tile.z, tile.x, tile.y));
  };
  const come = (event: TileEvent): void => {
    const tile = event.sourceId === SOURCE ? event.tile?.tileID?.canonical : undefined;
    if (!tile || !loading.delete(name(tile.z, tile.x, tile.y))) return;
    if (changed.size || all) sweep();
  };
  map.on("sourcedataloading", begun as never);
  map.on("sourcedata", come as never);
  map.on("sourcedataabort", come as never);
  map.on("error", come as never);
  map.on("moveend", sweep);
  return onMapChanges((told) => (told ? apply(told) : void catchUp()));
}

export function setTiles(map: Atlas, query: string): void {
  (map.getSource(SOURCE) as VectorTileSource | undefined)?.setTiles([tilesAddress(query)]);
}
