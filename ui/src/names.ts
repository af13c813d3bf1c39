// The city's names for its codes, from the pack.
import { computed } from "vue";
import { city, levels } from "@/live";
import { reading } from "@/numbers";
import { language, listed, name, say, tongue, w } from "@/words";
import type { Alarm, CaseItem, City, Level, Place, Text } from "@/api/types";

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

/** What a state's value means: "fire", "fault, shielded"; "" where the pack has no words for it. A state of
 * bits says those that are set. */
export function stateWords(states: Record<string, Text> | undefined, value: number | null | undefined): string {
  if (value === null || value === undefined || !states) return "";
  const set = Object.keys(states).filter((key) => key.startsWith("bit") && (value / 2 ** Number(key.slice(3))) & 1);
  return say(states[String(value)]) || listed(set.map((key) => say(states[key])));
}

function statesOf(kind: string, property: string): Record<string, Text> | undefined {
  return kinds.value.get(kind)?.properties.find((p) => p.code === property)?.states;
}

/** Whether a property's values are states: their figures tell nobody anything. */
export function isState(kind: string, property: string): boolean {
  return Object.keys(statesOf(kind, property) ?? {}).length > 0;
}

/** A value as it is read: a state in words, else the figure with its unit. */
export function valueWords(kind: string, property: string, value: number | null | undefined, unit: string): string {
  return stateWords(statesOf(kind, property), value) || `${reading(value)} ${unit}`.trim();
}

/** signs of a code that are shown beside its kind */
const TAIL = 10;

/** The end of a device's code, by which those of one kind are told apart. */
export const ending = (device: string): string => (device.length > TAIL + 4 ? `…${device.slice(-TAIL)}` : device);

/** A device's name in the page's language, where its registration has one for it; else what it is and the end of its
 * code, where the name is in letters that the reader may not know. */
export function deviceName(device: { device: string; name: string; kind: string; labels?: Record<string, string> }): string {
  const own = device.labels?.[`name_${language.value}`];
  if (own || !device.name) return own || device.device;
  return tongue(device.name) ? `${kindName(device.kind)} ${ending(device.device)}` : device.name;
}

/** What it is called where it was registered, if that is not how this page calls it. */
export function nameBeside(device: { device: string; name: string; kind: string; labels?: Record<string, string> }): string {
  return device.name && device.name !== deviceName(device) ? device.name : "";
}

export function matterName(key: string | null | undefined): string {
  return key ? (say(matters.value.get(key)?.name) || key) : "";
}

/** Whether a matter is meant by these words: its code, its name, its class, or what people call it. */
export function meant(one: City["matters"][number], asked: string): boolean {
  return [one.code, ...Object.values(one.name), ...Object.values(one.class_name), ...one.synonyms].join(" ").toLowerCase().includes(asked);
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

/** What was told besides the title: an alarm's words begin with its title in all languages. */
export function besides(title: Text, text: string | null | undefined): string {
  const titles = Object.values(title);
  const rest = titles.reduce((left, one) => left.replace(one, ""), text ?? "").trim();
  return rest && titles.length < 2 ? (text ?? "") : rest;
}

/** An address of which masking has left something to read, else "". */
export function told(address: string | null | undefined): string {
  return address && /[^*\s]/.test(address) ? address : "";
}

/** Where an alarm is, in words: never bare coordinates. What the city found of itself is of the city. */
export function alarmPlace(alarm: Alarm): string {
  return divisionPath(alarm.place.division) || told(alarm.place.address) || say(alarm.division_name) || say(alarm.department_name) || (alarm.device_kind ? `${kindName(alarm.device_kind)} ${alarm.device.slice(-8)}` : say(city.value?.name));
}

export function placeWords(place: Place | null | undefined, division?: string | null): string {
  const where = divisionPath(place?.division || division);
  const address = told(place?.address);
  if (!where) return address || (place?.longitude ? `${place.longitude?.toFixed(4)}, ${place.latitude?.toFixed(4)}` : "");
  return address && !address.startsWith(where) ? `${where} · ${address}` : where;
}
