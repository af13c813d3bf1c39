// The pack's own base map, taken along once: outline, towns, lakes, streets and grids.
import { api } from "@/api/client";
import * as box from "./box";

export type Line = [number, number][];
export interface Shape {
  lines: Line[];
  /** west, south, east, north */
  box: [number, number, number, number];
  division: string;
}
export type Layers = Record<"outline" | "towns" | "lakes" | "streets" | "grids", Shape[]>;
const NAMES = ["outline", "towns", "lakes", "streets", "grids"] as const;
/** ms after which it is asked for again (the browser asks by ETag) */
const FRESH = 7 * 86_400_000;

let asked: Promise<Layers | null> | null = null;

export function layers(): Promise<Layers | null> {
  return (asked ??= take().catch(() => {
    asked = null;
    return null;
  }));
}

async function take(): Promise<Layers | null> {
  const kept = await box.get<{ at: number; layers: Layers }>("kept", "map");
  if (kept && Date.now() - kept.at < FRESH) return kept.layers;
  try {
    const found = {} as Layers;
    for (const name of NAMES) found[name] = await layer(name);
    await box.put("kept", "map", { at: Date.now(), layers: found });
    return found;
  } catch {
    asked = null; // once more when there is a line
    return kept?.layers ?? null;
  }
}

interface Feature {
  properties: { division?: string; code?: string };
  geometry: { type: string; coordinates: unknown };
}

async function layer(name: string): Promise<Shape[]> {
  const told = await api.get<{ features: Feature[] }>(`/api/city/map/${name}.geojson`).catch((reason: { status?: number }) => {
    if (reason.status === 404) return { features: [] };
    throw reason;
  });
  return told.features.map(shape).filter((one) => one.lines.length);
}

function shape(feature: Feature): Shape {
  const { type, coordinates } = feature.geometry;
  const lines = (type === "LineString" ? [coordinates] : type === "Polygon" || type === "MultiLineString" ? coordinates : type === "MultiPolygon" ? (coordinates as Line[][]).flat() : []) as Line[];
  const bounds: [number, number, number, number] = [180, 90, -180, -90];
  for (const line of lines)
    for (const [x, y] of line) {
      bounds[0] = Math.min(bounds[0], x);
      bounds[1] = Math.min(bounds[1], y);
      bounds[2] = Math.max(bounds[2], x);
      bounds[3] = Math.max(bounds[3], y);
    }
  return { lines, box: bounds, division: feature.properties.division ?? feature.properties.code ?? "" };
}
