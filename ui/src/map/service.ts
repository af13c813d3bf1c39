// A tile service of the city's own under the devices. The city's own layers stay beneath it, so that
// where the service does not answer there is still a map, and the page says so.
import type { Map as Atlas } from "maplibre-gl";
import type { Ref } from "vue";
import { api } from "@/api/client";
import { say } from "@/words";
import type { Basemap } from "@/api/types";

let asked: Promise<Basemap> | null = null;
const watched = new WeakSet<Atlas>();

export interface Service {
  down: boolean;
  attribution: string;
}

export async function showService(map: Atlas, state: Ref<Service>): Promise<void> {
  asked ??= api.get<Basemap>("/api/city/basemap");
  const told = await asked.catch(() => {
    asked = null;
    return null;
  });
  if (!told) return;
  state.value = { down: Boolean(told.problem), attribution: told.layers?.length ? say(told.attribution) : "" };
  if (told.problem) console.warn("base map:", told.problem);
  if (!told.layers?.length || map.getSource("service-0")) return;
  told.layers.forEach((address, n) => {
    map.addSource(`service-${n}`, { type: "raster", tiles: [address], tileSize: told.tile_size, maxzoom: told.max_zoom });
    map.addLayer({ id: `service-${n}`, type: "raster", source: `service-${n}`, paint: { "raster-fade-duration": 0 } }, "towns");
  });
  if (watched.has(map)) return;
  watched.add(map);
  const ours = (event: { sourceId?: string }): boolean => Boolean(event.sourceId?.startsWith("service-"));
  map.on("error", (event) => ours(event as { sourceId?: string }) && (state.value = { ...state.value, down: true }));
  map.on("sourcedata", (event) => ours(event) && "tile" in event && event.tile && state.value.down && (state.value = { ...state.value, down: false }));
}
