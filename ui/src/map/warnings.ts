// Areas of the warnings in force, in their colour, under the city's own signs.
import type { ExpressionSpecification, GeoJSONSource, Map as Atlas } from "maplibre-gl";
import { watch } from "vue";
import { inForce, othersInForce } from "@/live";
import type { BulletinItem, WarningItem } from "@/api/types";

type Shapes = Parameters<GeoJSONSource["setData"]>[0];

/** The outlines as the map takes them, the lowest colour first: the gravest is drawn over it. */
export function warningShapes(items: WarningItem[], others: BulletinItem[]): Shapes {
  const told = [...others].reverse().flatMap((one) => one.parts.flatMap((part) => part.areas.flatMap((area) => area.rings.map((ring) => ({
    type: "Feature" as const,
    properties: { colour: part.colour },
    geometry: { type: "Polygon" as const, coordinates: [ring] },
  })))));
  return {
    type: "FeatureCollection",
    features: [...told, ...[...items].reverse().flatMap((item) => item.content.areas.flatMap((area) => area.rings.map((ring) => ({
      type: "Feature" as const,
      properties: { colour: item.content.colour },
      geometry: { type: "Polygon" as const, coordinates: [ring] },
    }))))],
  } as Shapes;
}

export function drawWarnings(map: Atlas, colours: Record<string, string>, shapes: Shapes): void {
  const held = map.getSource("warnings") as GeoJSONSource | undefined;
  if (held) return void held.setData(shapes);
  const colour = ["match", ["get", "colour"], ...["red", "orange", "yellow", "blue"].flatMap((one) => [one, colours[one] ?? "#888"]), "#888"] as unknown as ExpressionSpecification;
  map.addSource("warnings", { type: "geojson", data: shapes });
  const under = map.getLayer("towns") ? "towns" : undefined;
  map.addLayer({ id: "warnings", type: "fill", source: "warnings", paint: { "fill-color": colour, "fill-opacity": 0.16, "fill-antialias": false } }, under);
  map.addLayer({ id: "warnings-edge", type: "line", source: "warnings", paint: { "line-color": colour, "line-width": 2 } });
}

/** Draw them as they come and go, and again in each style; what ends it. */
export function followWarnings(map: Atlas, colours: () => Record<string, string>): () => void {
  const redraw = (): void => {
    if (inForce.value.length || othersInForce.value.length || map.getSource("warnings")) drawWarnings(map, colours(), warningShapes(inForce.value, othersInForce.value));
  };
  const stop = watch([inForce, othersInForce], redraw);
  map.on("style.load", redraw);
  return () => {
    stop();
    map.off("style.load", redraw);
  };
}
