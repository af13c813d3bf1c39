// The split screen of a case: map, timeline and evidence side by side, and how wide each is; kept in
// the browser for each account.
import { ref, watch } from "vue";
import { session } from "@/session";

/** shares of the width of map, timeline and evidence; together 1 */
export type Shares = [number, number, number];
/** of the width: nobody drags a part so narrow that it cannot be read at 1366 px */
export const LEAST = 0.18;
/** a press of a key, of the width */
export const STEP = 0.02;
/** even, then each part in turn the wide one */
const DIVISIONS: Shares[] = [[0.38, 0.29, 0.33], [0.6, 0.2, 0.2], [0.22, 0.56, 0.22], [0.22, 0.22, 0.56]];
const EVEN = DIVISIONS[0] as Shares;

export const split = ref(false);
export const shares = ref<Shares>(EVEN);

const place = (): string => `tianmu.desk.split.${session.value?.account ?? ""}`;

function sound(told: unknown): told is Shares {
  return Array.isArray(told) && told.length === 3 && told.every((one) => typeof one === "number" && one >= LEAST - 1e-6) && Math.abs(told.reduce((a: number, b: number) => a + b, 0) - 1) < 1e-3;
}

function read(): void {
  let kept: { on?: unknown; shares?: unknown } = {};
  try {
    kept = JSON.parse(localStorage.getItem(place()) ?? "{}") as typeof kept;
  } catch {
    // somebody else's text under our name: begin anew
  }
  split.value = kept.on === true;
  shares.value = sound(kept.shares) ? kept.shares : EVEN;
}
watch(() => session.value?.account, read, { immediate: true });
watch([split, shares], () => session.value && localStorage.setItem(place(), JSON.stringify({ on: split.value, shares: shares.value })), { flush: "sync" });

/** The next of the ready divisions; from sizes of one's own to the even one. */
export function another(): void {
  const at = DIVISIONS.findIndex((one) => one.every((share, i) => Math.abs(share - (shares.value[i] ?? 0)) < 1e-6));
  shares.value = DIVISIONS[(at + 1) % DIVISIONS.length] ?? EVEN;
}

/** Move the bar after part `bar` (0 or 1) by a share of the width, as far as both its parts allow. */
export function shift(bar: 0 | 1, by: number): void {
  const next: Shares = [...shares.value];
  const room = next[bar] + next[bar + 1 as 1 | 2];
  next[bar] = Math.min(room - LEAST, Math.max(LEAST, next[bar] + by));
  next[bar + 1 as 1 | 2] = room - next[bar];
  shares.value = next;
}
