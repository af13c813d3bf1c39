// The city's names for its codes, from the pack.
import { computed } from "vue";
import { city, levels } from "@/live";
import { name, say, w } from "@/words";
import type { Alarm, CaseItem, Level, Place } from "@/api/types";

const divisions = computed(() => new Map((city.value?.divisions ?? []).map((d) => [d.code, d])));
const departments = computed(() => new Map((city.value?.departments ?? []).map((d) => [d.code, d])));
const kinds = computed(() => new Map((city.value?.kinds ?? []).map((k) => [k.code, k])));
const matters = computed(() => new Map((city.value?.matters ?? []).map((m) => [m.key, m])));

export function divisionName(code: string | null | undefined): string {
  return code ? (say(divisions.value.get(code)?.name) || code) : "";
}

/** Town and village: "溧城街道 · 码头街社区". */
export function divisionPath(code: string | null | undefined): string {
  const found = code ? divisions.value.get(code) : undefined;
  if (!found) return code ?? "";
  const above = found.parent ? divisions.value.get(found.parent) : undefined;
  if (!above || above.tier <= 1) return say(found.name);
  return `${say(above.name)} · ${say(found.name)}`;
}

export function departmentName(code: string | null | undefined): string {
  return code ? (say(departments.value.get(code)?.name) || code) : "";
}

export function kindName(code: string | null | undefined): string {
  return code ? (say(kinds.value.get(code)?.name) || code) : "";
}

export function propertyName(kind: string, property: string): string {
  const found = kinds.value.get(kind)?.properties.find((p) => p.code === property);
  return found ? say(found.name) : property;
}

export function propertyUnit(kind: string, property: string): string {
  return kinds.value.get(kind)?.properties.find((p) => p.code === property)?.unit ?? "";
}

export function matterName(key: string | null | undefined): string {
  return key ? (say(matters.value.get(key)?.name) || key) : "";
}

export function stageName(stage: string): string {
  return name(w.value.stages, stage);
}

const COLOURS = new Set(["red", "orange", "yellow", "blue", "green", "neutral"]);

/** The theme's colour for what the pack says: a name, or a hex value by its hue. The theme's own
 * shade is taken, so that a numeral on it and it on the ground can be read in each theme. */
export function levelToken(colour: string | undefined): string {
  if (!colour) return "neutral";
  if (COLOURS.has(colour)) return colour;
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(colour);
  if (!hex) return "neutral";
  const [r = 0, g = 0, b = 0] = hex.slice(1).map((part) => parseInt(part, 16));
  const most = Math.max(r, g, b);
  const range = most - Math.min(r, g, b);
  if (range < 40) return "neutral";
  const sector = most === r ? ((g - b) / range + 6) % 6 : most === g ? (b - r) / range + 2 : (r - g) / range + 4;
  const hue = sector * 60;
  if (hue < 15 || hue >= 330) return "red";
  if (hue < 38) return "orange";
  if (hue < 75) return "yellow";
  return hue < 170 ? "green" : "blue";
}

export function levelColour(level: Level | undefined): string {
  return `var(--${levelToken(level?.colour)})`;
}

const ROMAN = ["", "Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ"];

/** The sign of a level: its rank as a numeral, so that colour never stands alone. */
export function levelSign(level: Level | undefined): string {
  return level ? (ROMAN[level.number] ?? String(level.number)) : "–";
}

export function levelName(code: string | null | undefined): string {
  return code ? (say(levels.value.get(code)?.text) || code) : "";
}

const PRIORITY = ["var(--neutral)", "var(--red)", "var(--orange)", "var(--yellow)", "var(--blue)"];

export function priorityColour(priority: number): string {
  return PRIORITY[priority] ?? "var(--neutral)";
}

/** What a case is called from afar: what people told is long, so the matter's name stands first. */
export function headline(item: CaseItem): { head: string; rest: string } {
  const title = say(item.title);
  const matter = say(item.matter_name);
  return item.worst === 0 && matter && matter !== title ? { head: matter, rest: title } : { head: title || matter, rest: "" };
}

/** Where an alarm is, in words: never bare coordinates. */
export function alarmPlace(alarm: Alarm): string {
  return divisionPath(alarm.place.division) || alarm.place.address || say(alarm.division_name) || say(alarm.department_name) || `${kindName(alarm.device_kind)} ${alarm.device.slice(-8)}`;
}

export function placeWords(place: Place | null | undefined, division?: string | null): string {
  const where = divisionPath(place?.division || division);
  const address = place?.address ?? "";
  if (!where) return address || (place?.longitude ? `${place.longitude?.toFixed(4)}, ${place.latitude?.toFixed(4)}` : "");
  return address && !address.startsWith(where) ? `${where} · ${address}` : where;
}
