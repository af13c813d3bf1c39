// Where this phone is, as its receiver says: in CGCS2000 / WGS 84.
import { ref, shallowRef } from "vue";
import type { Where } from "./deed";

export interface Fix extends Where {
  /** ms */
  at: number;
}

export const here = shallowRef<Fix | null>(null);
export const fault = ref<"" | "denied" | "none">("");
/** ms for which a fix says where something is that happens now */
const FRESH = 120_000;

let watchers = 0;
let watch = 0;
const hearers = new Set<(fix: Fix) => void>();

/** Follow the position until the returned function is called. */
export function follow(hear?: (fix: Fix) => void): () => void {
  if (!navigator.geolocation) {
    fault.value = "none";
    return () => undefined;
  }
  if (hear) hearers.add(hear);
  if (watchers++ === 0) {
    watch = navigator.geolocation.watchPosition(
      ({ coords, timestamp }) => {
        fault.value = "";
        here.value = { longitude: coords.longitude, latitude: coords.latitude, precision: Math.round(coords.accuracy), at: timestamp };
        hearers.forEach((one) => one(here.value!));
      },
      (problem) => (fault.value = problem.code === problem.PERMISSION_DENIED ? "denied" : "none"),
      { enableHighAccuracy: true, maximumAge: 5000, timeout: 20_000 },
    );
  }
  let over = false;
  return () => {
    if (over) return;
    over = true;
    if (hear) hearers.delete(hear);
    if (--watchers === 0) navigator.geolocation.clearWatch(watch);
  };
}

/** The present place for a photo or a step; none where it is not known or too old. */
export function nowHere(): Where | undefined {
  const fix = here.value;
  if (!fix || Date.now() - fix.at > FRESH) return undefined;
  return { longitude: fix.longitude, latitude: fix.latitude, precision: fix.precision };
}

/** Metres between two places, exact to half a per cent. */
export function metres(a: Where, b: Where): number {
  const rad = Math.PI / 180;
  const half = Math.sin(((b.latitude - a.latitude) * rad) / 2) ** 2 + Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * Math.sin(((b.longitude - a.longitude) * rad) / 2) ** 2;
  return 2 * 6_371_008.8 * Math.asin(Math.sqrt(half));
}
