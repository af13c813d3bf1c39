// The map's first picture, drawn once. While the map opens, each part that comes draws it anew; without
// a graphics card a frame of a wall takes 100 to 200 ms, and eight of them are most of the wait. So
// the frames until all is there are a few pixels in size, and the first large one is whole.
import type { Map as Atlas } from "maplibre-gl";

/** pixels of the canvas to one of the page while the map opens */
export const SMALL = 0.05;
/** ms after which what is there is shown, whole or not */
const PATIENCE = 1500;

/** Draw at full size once all has come; `shown` is called when that picture is on the screen. */
export function openLarge(map: Atlas, dressed: Promise<void>, shown: () => void): void {
  let large = false;
  function enlarge(): void {
    if (large) return;
    large = true;
    window.clearTimeout(late);
    map.off("idle", look);
    map.setPixelRatio(undefined as unknown as number); // as fine as the screen is, whichever it is on
    map.getContainer().classList.remove("opening");
    // `idle` comes within the frame; a task after it, the browser has taken the picture over
    map.once("idle", () => window.setTimeout(shown));
    map.triggerRepaint();
  }
  let ready = false;
  const look = (): void => void (ready && enlarge());
  const late = window.setTimeout(enlarge, PATIENCE);
  map.on("idle", look);
  map.once("remove", () => window.clearTimeout(late));
  void dressed.then(() => {
    ready = true;
    if (map.loaded()) enlarge();
  });
}
