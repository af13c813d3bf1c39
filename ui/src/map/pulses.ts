// Rings that pulse around the alarms nobody has acknowledged, faster the more urgent they are.
import { Marker, type Map as Atlas } from "maplibre-gl";
import { priorityColour } from "@/names";

export interface Beat {
  at: [number, number];
  /** 1 to 4 */
  priority: number;
}

/** rings at once: each is an element that moves */
export const MOST_PULSES = 32;

export class Pulses {
  private readonly rings = new Map<string, Marker>();

  /** Rings around these, by the alarm's name, and around no others. */
  show(map: Atlas, beats: Map<string, Beat>): void {
    for (const [id, beat] of beats) {
      if (this.rings.has(id)) continue;
      const ring = document.createElement("i");
      ring.className = "pulse";
      ring.style.setProperty("--ring", priorityColour(beat.priority));
      ring.style.setProperty("--beat", `${1.2 + beat.priority * 0.6}s`);
      this.rings.set(id, new Marker({ element: ring }).setLngLat(beat.at).addTo(map));
    }
    for (const [id, marker] of this.rings) {
      if (beats.has(id)) continue;
      marker.remove();
      this.rings.delete(id);
    }
  }

  end(): void {
    this.rings.forEach((marker) => marker.remove());
    this.rings.clear();
  }
}
