// Which devices are meant by a place on the map: points near it, or the square of a far cell.
import type { Map as Atlas, PointLike } from "maplibre-gl";
import { api } from "@/api/client";
import type { Device } from "@/api/types";
import { tileZoom } from "./deviceTiles";

/** cells of a tile to a side, as a power of 2 */
const GRID = 5;
/** of more devices than this nobody chooses from a list: the map goes nearer instead */
export const MOST = 50;

export interface Found {
  devices: Device[];
  /** a cell with more than can be listed: the map went nearer */
  nearer: boolean;
}
const NOTHING: Found = { devices: [], nearer: false };

let told: Device[] = [];
/** What was said of a device when it was last pointed at: its card begins with it, and asks for the
 * rest and for its past at once instead of one after the other. */
export function toldOf(device: string): Device | null {
  return told.find((one) => one.device === device) ?? null;
}

export async function devicesAt(map: Atlas, at: { x: number; y: number }, reach: number, query: string): Promise<Found> {
  const box: [PointLike, PointLike] = [[at.x - reach, at.y - reach], [at.x + reach, at.y + reach]];
  const features = map.queryRenderedFeatures(box, { layers: ["devices", "cells", "cells-alarm"] });
  const numbers = [...new Set(features.filter((one) => one.layer.id === "devices").map((one) => Number(one.id)))].slice(0, MOST);
  if (numbers.length) {
    const list = new URLSearchParams(numbers.map((one) => ["n", String(one)]));
    told = await api.get<Device[]>(`/api/tiles/devices/numbered?${list}`);
    return { devices: told, nearer: false };
  }
  const cell = features[0];
  if (cell?.geometry.type !== "Point") return NOTHING;
  const [longitude = 0, latitude = 0] = cell.geometry.coordinates;
  if (Number(cell.properties.n) > MOST) {
    map.easeTo({ center: [longitude, latitude], zoom: map.getZoom() + 2, duration: 450 });
    return { devices: [], nearer: true };
  }
  const z = tileZoom(map) + GRID;
  const sine = Math.sin((latitude * Math.PI) / 180);
  const x = Math.floor((longitude / 360 + 0.5) * 2 ** z);
  const y = Math.floor((0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * 2 ** z);
  const square = await api.get<{ items: Device[] }>(`/api/tiles/devices/${z}/${x}/${y}${query ? `?${query}` : ""}`);
  told = square.items;
  return { devices: told, nearer: false };
}
