// The map's look, from the page's own tokens, so that it changes with the theme.
import type { StyleSpecification } from "maplibre-gl";
import { TEXT_FACE } from "@/styles/fonts";

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

/** So that the mean density of a city of `devices` devices is a faint glow, at each zoom alike. */
export function intensity(devices: number, scale: number): unknown {
  const each = 55 / Math.max(devices, 200) / scale;
  return ["interpolate", ["exponential", 3], ["zoom"], 8, each / 9, 10, each, 12, each * 9];
}

/** `scale`: size of the page's type against 16 px; `tiles`: version, so that new tiles are taken. */
export function cityStyle(ink: Ink, scale: number, tiles: number): StyleSpecification {
  const priority = ["match", ["get", "alarm"], 1, ink.levels.red, 2, ink.levels.orange, 3, ink.levels.yellow, 4, ink.levels.blue, ink.device];
  const worst = ["match", ["get", "worst"], 1, ink.levels.red, 2, ink.levels.orange, 3, ink.levels.yellow, 4, ink.levels.blue, ink.device];
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
        tiles: [`${window.location.origin}/api/tiles/devices/{z}/{x}/{y}.mvt?v=${tiles}`],
        minzoom: 0,
        maxzoom: 14,
      },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": ink.ground } },
      { id: "land", type: "fill", source: "outline", paint: { "fill-color": ink.land } },
      { id: "lakes", type: "fill", source: "lakes", paint: { "fill-color": ink.water } },
      { id: "streets", type: "line", source: "streets", minzoom: 10.5, paint: { "line-color": ink.street, "line-width": ["interpolate", ["exponential", 1.6], ["zoom"], 10, 0.6, 16, 7] } },
      { id: "towns", type: "line", source: "towns", paint: { "line-color": ink.town, "line-width": 1.1 * scale, "line-dasharray": [3, 2.4] } },
      {
        // Far out, a tile carries counted cells or single points, as its number of devices allows;
        // a density surface shows both alike.
        id: "density", type: "heatmap", source: "devices", "source-layer": "devices", maxzoom: 12.5,
        paint: {
          "heatmap-weight": ["case", ["has", "n"], ["get", "n"], 1],
          "heatmap-radius": ["interpolate", ["linear"], ["zoom"], 8, 16 * scale, 12, 30 * scale],
          "heatmap-intensity": intensity(1, scale) as never,
          "heatmap-color": ["interpolate", ["linear"], ["heatmap-density"], 0, "rgba(0,0,0,0)", 0.08, `${ink.device}2e`, 1, ink.device],
          "heatmap-opacity": ["interpolate", ["linear"], ["zoom"], 11.5, 0.75, 12.5, 0],
        },
      },
      {
        id: "cells", type: "circle", source: "devices", "source-layer": "devices", minzoom: 11.5, filter: ["has", "n"],
        paint: {
          "circle-color": worst as never,
          "circle-radius": ["interpolate", ["linear"], ["sqrt", ["get", "n"]], 1, 1.6 * scale, 8, 5 * scale],
          "circle-opacity": 0.7,
        },
      },
      {
        id: "devices", type: "circle", source: "devices", "source-layer": "devices", minzoom: 11.5,
        filter: ["!", ["has", "n"]],
        paint: {
          "circle-color": priority as never,
          "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 1.6 * scale, 16, 5 * scale],
          "circle-opacity": ["case", ["==", ["get", "state"], "silent"], 0.35, 0.9],
        },
      },
      { id: "outline", type: "line", source: "outline", paint: { "line-color": ink.outline, "line-width": 2 * scale } },
      { id: "units", type: "symbol", source: "units", layout: { "icon-image": "unit", "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.8, 14, 1.2] } },
      {
        id: "labels", type: "symbol", source: "labels",
        layout: {
          "text-field": ["get", "name"], "text-font": [TEXT_FACE], "text-size": ["match", ["get", "tier"], 2, 17 * scale, 13 * scale],
          "text-padding": 6, "text-max-width": 8, "symbol-sort-key": ["get", "tier"],
          "text-variable-anchor": ["center", "top", "bottom"], "text-radial-offset": 0.6,
        },
        paint: { "text-color": ink.label, "text-halo-color": ink.land, "text-halo-width": 1.6 * scale },
      },
      { id: "alarms", type: "symbol", source: "alarms", layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": ["get", "rank"] } },
      { id: "cases", type: "symbol", source: "cases", layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": ["get", "rank"], "icon-size": ["interpolate", ["linear"], ["zoom"], 8, 0.82, 12, 1] } },
    ],
  };
}
