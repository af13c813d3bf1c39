// Units on the map: at their last place while it is relied on, else at their base and paler.
import type { GeoJSONSource, Map as Atlas } from "maplibre-gl";
import { watch } from "vue";
import { loadUnits, units } from "@/units";

const LATER = 1500;
const OPACITY = ["case", ["get", "free"], 1, 0.45];

function show(map: Atlas): void {
  const held = [...units.values()].filter((one) => one.longitude != null && one.latitude != null);
  if (!held.length) return;
  const features = held.map((one) => ({
    type: "Feature" as const,
    geometry: { type: "Point" as const, coordinates: [one.longitude ?? 0, one.latitude ?? 0] },
    properties: { code: one.unit, status: one.status, free: one.available },
  }));
  (map.getSource("units") as GeoJSONSource | undefined)?.setData({ type: "FeatureCollection", features });
  if (map.getLayer("units")) map.setPaintProperty("units", "icon-opacity", OPACITY as never);
}

/** Keep the units of the map where they are; what ends it. The first picture does not wait for it. */
export function followUnits(map: Atlas): () => void {
  const redraw = (): void => show(map);
  const timer = window.setTimeout(() => void loadUnits().catch(() => undefined), LATER);
  map.on("style.load", redraw);
  let waiting = 0;
  const stop = watch(() => [...units.values()], () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(redraw, 200);
  });
  return () => {
    window.clearTimeout(timer);
    window.clearTimeout(waiting);
    stop();
    map.off("style.load", redraw);
  };
}
