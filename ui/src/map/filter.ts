// Which devices the map shows: chosen by a person, remembered in this browser, asked of the server.
import { computed, shallowRef } from "vue";
import { city } from "@/live";

export interface DeviceFilter {
  categories: string[];
  kinds: string[];
  departments: string[];
  states: string[];
  alarms: string[];
}
export type Group = keyof DeviceFilter;

export const STATES = ["online", "silent", "never"];
export const PRIORITIES = ["1", "2", "3", "4"];
const GROUPS: Record<Group, string> = { categories: "category", kinds: "kind", departments: "department", states: "state", alarms: "alarm" };
const KEPT = "tianmu.map.filter";

function none(): DeviceFilter {
  return { categories: [], kinds: [], departments: [], states: [], alarms: [] };
}

function kept(): DeviceFilter {
  const found = none();
  try {
    const told = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Record<string, unknown>;
    for (const group of Object.keys(found) as Group[]) {
      const words = told[group];
      if (Array.isArray(words)) found[group] = words.filter((one): one is string => typeof one === "string");
    }
  } catch {
    localStorage.removeItem(KEPT);
  }
  return found;
}

const chosen = shallowRef<DeviceFilter>(kept());

/** The filter in force, without words that this city does not know (another city's browser). */
export const deviceFilter = computed<DeviceFilter>(() => {
  const known: Record<Group, Set<string>> = {
    categories: new Set(city.value?.categories?.map((one) => one.code)),
    kinds: new Set(city.value?.kinds.map((one) => one.code)),
    departments: new Set(city.value?.departments.map((one) => one.code)),
    states: new Set(STATES),
    alarms: new Set(PRIORITIES),
  };
  const found = none();
  for (const group of Object.keys(found) as Group[]) found[group] = chosen.value[group].filter((one) => known[group].has(one));
  return found;
});

/** As a query: words in one order, so that equal filters ask for the same tiles. */
export const filterQuery = computed(() => {
  const query = new URLSearchParams();
  for (const [group, name] of Object.entries(GROUPS) as [Group, string][]) {
    if (deviceFilter.value[group].length) query.set(name, [...deviceFilter.value[group]].sort().join(","));
  }
  return query.toString();
});

/** Whether the devices' state decides who is shown. */
export const filterMoves = computed(() => deviceFilter.value.states.length > 0 || deviceFilter.value.alarms.length > 0);

export function setGroup(group: Group, words: string[]): void {
  chosen.value = { ...deviceFilter.value, [group]: words };
  localStorage.setItem(KEPT, JSON.stringify(chosen.value));
}

export function toggle(group: Group, word: string): void {
  const held = deviceFilter.value[group];
  setGroup(group, held.includes(word) ? held.filter((one) => one !== word) : [...held, word]);
}

export function clearFilter(): void {
  chosen.value = none();
  localStorage.removeItem(KEPT);
}
