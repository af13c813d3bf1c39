// A limit in the words people use: "2 working hours left · by tomorrow 10:00".
import { dayMonth, hourMinute, now, span, zoneOffset } from "@/time";
import { w } from "@/words";
import type { Instant, Limit } from "@/api/types";

/** ms after which what was left in working time is no longer said: it needs the calendar */
const STALE = 10 * 60_000;

const dayOf = (at: number): number => Math.floor((at + zoneOffset(at)) / 86_400_000);

export function when(at: Instant): string {
  const t = Date.parse(at);
  const apart = dayOf(t) - dayOf(now.value);
  const book = w.value.field.days;
  const day = apart === 0 ? book.today : apart === 1 ? book.tomorrow : apart === -1 ? book.yesterday : dayMonth(t);
  return `${day} ${hourMinute(t)}`;
}

/** hours that pass by day and night: below one of them people count minutes */
const HOURS = new Set(["urgent_hour", "hour"]);
function counted(left: Limit): string {
  const minutes = left.unit === "minute" ? left.value : left.value < 1 && HOURS.has(left.unit) ? left.value * 60 : 0;
  if (minutes) return w.value.time.limit(Math.max(1, Math.round(minutes)), "minute");
  return w.value.time.limit(left.value >= 10 ? Math.round(left.value) : Math.round(left.value * 10) / 10, left.unit);
}

export interface Due {
  head: string;
  by: string;
  late: boolean;
  soon: boolean;
}

/** `left` is what the city said at `asOf`; from `warns` on it is due soon. */
export function dueWords(due: Instant | null | undefined, left: Limit | null | undefined, asOf: Instant | undefined, warns: Instant | null): Due | null {
  if (!due) return null;
  const rest = Date.parse(due) - now.value;
  const fresh = asOf && now.value - Date.parse(asOf) < STALE;
  const late = rest < 0;
  const head = late ? w.value.time.exceeded(span(rest)) : w.value.time.remaining(fresh && left && left.value > 0 ? counted(left) : span(rest));
  return { head, by: w.value.field.by(when(due)), late, soon: !late && Boolean(warns) && Date.parse(warns!) <= now.value };
}
