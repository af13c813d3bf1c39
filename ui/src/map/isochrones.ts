// How far one gets from a place: drawn under the streets, for the place that is asked about.
import type { GeoJSONSource, Map as Atlas } from "maplibre-gl";
import { shallowRef, watch } from "vue";
import { api } from "@/api/client";
import { failed } from "@/toast";

export interface Around {
  longitude: number;
  latitude: number;
}

/** The place around which the map shows how far one gets; null: nowhere. */
export const around = shallowRef<Around | null>(null);

const MINUTES = "5,10,15";
const NOTHING = { type: "FeatureCollection" as const, features: [] };
type Shapes = Parameters<GeoJSONSource["setData"]>[0];
let drawn: Shapes = NOTHING;

function draw(map: Atlas, colour: string): void {
  const held = map.getSource("isochrones") as GeoJSONSource | undefined;
  if (held) return void held.setData(drawn);
  if (drawn === NOTHING) return;
  map.addSource("isochrones", { type: "geojson", data: drawn });
  const under = map.getLayer("towns") ? "towns" : undefined;
  map.addLayer({ id: "isochrones", type: "fill", source: "isochrones", paint: { "fill-color": colour, "fill-opacity": 0.16, "fill-antialias": false } }, under);
  map.addLayer({ id: "isochrones-edge", type: "line", source: "isochrones", paint: { "line-color": colour, "line-width": 1.4, "line-opacity": 0.8 } }, under);
}

/** Draw them as they are asked for, and again in each style; what ends it. */
export function followIsochrones(map: Atlas, colour: () => string): () => void {
  const redraw = (): void => draw(map, colour());
  let turn = 0;
  const stop = watch(around, async (place) => {
    const mine = ++turn;
    if (!place) {
      drawn = NOTHING;
      return redraw();
    }
    try {
      const found = await api.get<Shapes>("/api/isochrones", { lon: place.longitude, lat: place.latitude, minutes: MINUTES });
      if (mine !== turn) return;
      drawn = found;
      redraw();
      map.easeTo({ center: [place.longitude, place.latitude], zoom: Math.min(map.getZoom(), 11), duration: 450 });
    } catch (problem) {
      around.value = null;
      failed(problem);
    }
  });
  map.on("style.load", redraw);
  return () => {
    turn += 1;
    stop();
    map.off("style.load", redraw);
    drawn = NOTHING;
    around.value = null;
  };
}
