// The map's look, from the page's own tokens, so that it changes with the theme.
import type { StyleSpecification } from "maplibre-gl";
import { TEXT_FACE } from "@/styles/fonts";
import { DEEPEST, tilesAddress } from "./deviceTiles";

export interface Ink {
  ground: string;
  land: string;
  town: string;
  outline: string;
  water: string;
  street: string;
  label: string;
  device: string;
  ink: string;
  dark: string;
  levels: Record<string, string>;
}

/** Read the tokens in force; MapLibre does not know CSS variables. */
export function readInk(): Ink {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const levels: Record<string, string> = {};
  for (const name of ["red", "orange", "yellow", "blue", "green", "neutral"]) levels[name] = token(name);
  return {
    ground: token("map-ground"),
    land: token("map-land"),
    town: token("map-town"),
    outline: token("map-outline"),
    water: token("map-water"),
    street: token("map-street"),
    label: token("map-label"),
    device: token("map-device"),
    ink: token("ink"),
    dark: token("on-level"),
    levels,
  };
}

const layer = (name: string): string => `/api/city/map/${name}.geojson`;
const NOTHING = { type: "FeatureCollection" as const, features: [] };

/** Radius of a cell's dot: its area is its count, and the mean cell of a city of `devices` devices
 * looks alike whatever that number is. A cell is 16 px wide at each zoom. */
export function cellRadius(devices: number, scale: number): unknown {
  const mean = Math.sqrt(Math.max(devices, 300) / 1000);
  const at = (zoom: number): unknown => ["min", 7.5 * scale, ["+", 0.8 * scale, ["*", ["sqrt", ["get", "n"]], (2.6 * scale * 2 ** (zoom - 10)) / mean]]];
  return ["interpolate", ["exponential", 2], ["zoom"], 8, at(8), 10, at(10), 12, at(12), 16, at(16)];
}

/** Where a name may stand beside its point, the likeliest first: how far off, in ems, by the side of it that is
 * at the point. */
function around(...sides: string[]): unknown {
  const off = 1.1;
  const slant = off / Math.SQRT2;
  const far: Record<string, [number, number]> = { center: [0, 0], top: [0, off], bottom: [0, -off], left: [off, 0], right: [-off, 0], "top-left": [slant, slant], "top-right": [-slant, slant], "bottom-left": [slant, -slant], "bottom-right": [-slant, -slant] };
  return ["literal", sides.flatMap((side) => [side, far[side]])];
}

/** `scale`: size of the page's type against 16 px; `query`: which devices are asked for; `devices`:
 * how many there are. */
export function cityStyle(ink: Ink, scale: number, query: string, devices: number): StyleSpecification {
  const far = Math.log2(scale); // the same picture on a smaller wall is one of a smaller zoom
  const colour = (property: string): unknown => ["match", ["get", property], 1, ink.levels.red, 2, ink.levels.orange, 3, ink.levels.yellow, 4, ink.levels.blue, ink.device];
  return {
    version: 8,
    sources: {
      outline: { type: "geojson", data: layer("outline") },
      towns: { type: "geojson", data: layer("towns") },
      lakes: { type: "geojson", data: layer("lakes") },
      streets: { type: "geojson", data: layer("streets") },
      units: { type: "geojson", data: layer("units") },
      labels: { type: "geojson", data: NOTHING },
      cases: { type: "geojson", data: NOTHING },
      alarms: { type: "geojson", data: NOTHING },
      devices: {
        type: "vector",
        tiles: [tilesAddress(query)],
        minzoom: 0,
        maxzoom: DEEPEST,
      },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": ink.ground } },
      { id: "land", type: "fill", source: "outline", paint: { "fill-color": ink.land, "fill-antialias": false } },
      { id: "lakes", type: "fill", source: "lakes", paint: { "fill-color": ink.water, "fill-antialias": false } },
      { id: "streets", type: "line", source: "streets", minzoom: 10.5, paint: { "line-color": ink.street, "line-width": ["interpolate", ["exponential", 1.6], ["zoom"], 10, 0.6, 16, 7] } },
      { id: "towns", type: "line", source: "towns", paint: { "line-color": ink.town, "line-width": 1.1 * scale, "line-dasharray": [3, 2.4] } },
      {
        // Far out, a tile carries counted cells: the area of a dot is its number of devices.
        id: "cells", type: "circle", source: "devices", "source-layer": "devices", filter: ["has", "n"],
        paint: { "circle-color": ink.device, "circle-radius": cellRadius(devices, scale) as never, "circle-opacity": 0.62 },
      },
      {
        // … and is ringed by its worst alarm.
        id: "cells-alarm", type: "circle", source: "devices", "source-layer": "devices", filter: ["all", ["has", "worst"], [">", ["to-number", ["get", "worst"]], 0]],
        paint: { "circle-color": "transparent", "circle-radius": cellRadius(devices, scale) as never, "circle-stroke-width": 1.6 * scale, "circle-stroke-color": colour("worst") as never },
      },
      {
        id: "devices", type: "circle", source: "devices", "source-layer": "devices",
        filter: ["has", "kind"],
        layout: { "circle-sort-key": ["case", [">", ["get", "alarm"], 0], ["-", 5, ["get", "alarm"]], 0] },
        paint: {
          "circle-color": colour("alarm") as never,
          "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, 1.1 * scale, 12, 1.7 * scale, 16, 5 * scale],
          "circle-opacity": ["case", ["==", ["get", "state"], "online"], 0.85, 0.35],
        },
      },
      { id: "outline", type: "line", source: "outline", paint: { "line-color": ink.outline, "line-width": 2 * scale } },
      {
        id: "labels", type: "symbol", source: "labels",
        layout: {
          "text-field": ["get", "name"], "text-font": [TEXT_FACE], "text-size": ["interpolate", ["linear"], ["zoom"], 8.8 + far, 13 * scale, 9.3 + far, ["match", ["get", "size"], "small", 13 * scale, 17 * scale]],
          "text-padding": 2, "text-max-width": 8,
          // beside the signs, not under them; where there is no room on any side, under them after all, but
          // not on a map as small as a hand; a name at the edge of a narrow map is written inwards
          "text-variable-anchor-offset": ["match", ["get", "edge"], "west", around("left", "top-left", "bottom-left", "center", "top", "bottom"), "east", around("center", "right", "top-right", "bottom-right", "top", "bottom"), around("center", "bottom", "top", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right")] as never, "text-allow-overlap": ["step", ["zoom"], false, 9.1 + far, true] as never,
        },
        paint: { "text-color": ink.label, "text-halo-color": ink.land, "text-halo-width": 1.6 * scale },
      },
      { id: "units", type: "symbol", source: "units", layout: { "icon-image": "unit", "icon-allow-overlap": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.6, 11, 0.8, 14, 1.2] } },
      { id: "alarms", type: "symbol", source: "alarms", layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true, "icon-padding": 0, "symbol-sort-key": ["get", "rank"] } },
      { id: "cases", type: "symbol", source: "cases", layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true, "icon-padding": 0, "symbol-sort-key": ["get", "rank"], "icon-size": ["interpolate", ["linear"], ["zoom"], 8, 0.82, 12, 1] } },
    ],
  };
}
