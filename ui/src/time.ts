// Times as the city's people read them: in the city's zone, with one clock for all countdowns.
import { computed, ref } from "vue";
import type { Instant } from "@/api/types";
import { language, w } from "@/words";

export const zone = ref("Asia/Shanghai");
/** ms; moves once a second, and only while someone looks. */
export const now = ref(Date.now());
/** Server's clock minus this machine's, ms: a wall with a wrong clock still counts down right. */
let offset = 0;

let timer = 0;
function tick(): void {
  now.value = Date.now() + offset;
  timer = window.setTimeout(tick, 1000 - (now.value % 1000));
}
document.addEventListener("visibilitychange", () => {
  window.clearTimeout(timer);
  if (!document.hidden) tick();
});
tick();

export function setServerTime(at: Instant): void {
  const found = Date.parse(at) - Date.now();
  if (Math.abs(found - offset) <= 1500) return;
  offset = Math.abs(found) > 2000 ? found : 0;
  now.value = Date.now() + offset; // what counts by it does not wait for the next second
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const id = `${key}|${zone.value}|${language.value}`;
  let made = formats.get(id);
  if (!made) {
    const tag = language.value === "zh" ? "zh-CN" : "en-GB";
    made = new Intl.DateTimeFormat(tag, { timeZone: zone.value, hourCycle: "h23", ...options });
    formats.set(id, made);
  }
  return made;
}

function ms(at: Instant | number): number {
  return typeof at === "number" ? at : Date.parse(at);
}

export function clock(at: Instant | number | null): string {
  if (!at) return "–";
  return format("clock", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms(at));
}

export function hourMinute(at: Instant | number | null): string {
  if (!at) return "–";
  return format("hm", { hour: "2-digit", minute: "2-digit" }).format(ms(at));
}

export function fullDate(at: Instant | number): string {
  return format("date", { year: "numeric", month: "long", day: "numeric", weekday: "long" }).format(ms(at));
}

const day = (at: number): string =>
  format("day", { year: "numeric", month: "2-digit", day: "2-digit" }).format(at);

/** Month and day. */
export function dayMonth(at: number): string {
  return format("md", { month: "2-digit", day: "2-digit" }).format(at);
}

/** The same of a time on the city's wall clock that was written down as if it were UTC. */
export function dayMonthOfWall(at: number): string {
  const parts = new Date(at).toISOString().slice(5, 10).split("-");
  return (language.value === "zh" ? parts : parts.reverse()).join("/");
}

/** Day, month and time, without the year. */
export const dayHour = (at: Instant | null): string => (at ? `${dayMonth(ms(at))} ${hourMinute(at)}` : "–");

const WALL: Intl.DateTimeFormatOptions = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };

/** How far the city's clocks are ahead of UTC at a time, ms. */
export function zoneOffset(at: number): number {
  const part = Object.fromEntries(format("wall", WALL).formatToParts(at).map((p) => [p.type, Number(p.value)]));
  const wall = Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day ?? 1, part.hour ?? 0, part.minute ?? 0, part.second ?? 0);
  return wall - Math.floor(at / 1000) * 1000;
}

/** Time of day when it is today, else month and day before it. */
export function moment(at: Instant | number | null | undefined): string {
  if (!at) return "";
  const t = ms(at);
  if (day(t) === day(now.value)) return clock(t);
  return `${format("md", { month: "2-digit", day: "2-digit" }).format(t)} ${hourMinute(t)}`;
}

export function full(at: Instant | number | null | undefined): string {
  return at ? `${day(ms(at))} ${clock(at)}` : "";
}

/** A span in its two largest units: "2 d 3 h", "14:05" below an hour. */
export function span(milliseconds: number): string {
  const s = Math.floor(Math.abs(milliseconds) / 1000);
  const d = Math.floor(s / 86400);
  const h = Math.floor((s % 86400) / 3600);
  const m = Math.floor((s % 3600) / 60);
  if (d > 0) return w.value.time.days(d, h);
  if (h > 0) return w.value.time.hours(h, m);
  return `${String(m).padStart(2, "0")}:${String(s % 60).padStart(2, "0")}`;
}

export interface Countdown {
  text: string;
  late: boolean;
  soon: boolean;
}

/** What is left until `due`; `soon` from the warning of its limit on. */
export function countdown(due: Instant | null | undefined, warnsAt?: Instant | null): Countdown | null {
  if (!due) return null;
  const left = Date.parse(due) - now.value;
  return { text: span(left), late: left < 0, soon: left >= 0 && Boolean(warnsAt) && Date.parse(warnsAt!) <= now.value };
}

/** The city's zone and how far its clocks are ahead of UTC now: "Asia/Shanghai, UTC+08:00". */
export const zoneName = computed(() => {
  const ahead = Math.round(zoneOffset(Math.floor(now.value / 3_600_000) * 3_600_000) / 60_000);
  const part = (n: number): string => String(n).padStart(2, "0");
  return `${zone.value}, UTC${ahead < 0 ? "−" : "+"}${part(Math.floor(Math.abs(ahead) / 60))}:${part(Math.abs(ahead) % 60)}`;
});
export const clockNow = computed(() => clock(now.value));
export const dateNow = computed(() => fullDate(now.value));
