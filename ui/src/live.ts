// The present state of the city as this account may see it, moved by push.
//
// Each event carries a whole item, so applying one twice changes nothing, and an item that is older
// than the one held is left out. After `hello` the lists are asked for; events that arrive while
// the answers are under way are applied over them.
import { computed, reactive, ref, shallowReactive } from "vue";
import { api, Problem } from "@/api/client";
import type { Alarm, BulletinItem, CaseItem, City, Handover, MapChanges, Notice, Page, RoomEvent, Unit, Vitals, WarningItem } from "@/api/types";
import { applyUnit, forgetUnits } from "@/units";
import { hush, listen, pushState, type PushKind } from "@/push";
import { now, setServerTime, zone } from "@/time";
import { suggestLanguage } from "@/words";
import { may, session } from "@/session";

export const city = ref<City | null>(null);
export const vitals = ref<Vitals | null>(null);
export const alarms = shallowReactive(new Map<string, Alarm>());
export const cases = shallowReactive(new Map<string, CaseItem>());
/** warnings that hold or held since the page was opened, and those that wait where one may see them */
export const warnings = shallowReactive(new Map<string, WarningItem>());
const GRAVE = ["red", "orange", "yellow", "blue"];
/** those that hold now, the gravest first */
export const inForce = computed(() => [...warnings.values()]
  .filter((one) => one.stage === "in_force" && Date.parse(one.content.expires ?? "") > now.value)
  .sort((a, b) => GRAVE.indexOf(a.content.colour) - GRAVE.indexOf(b.content.colour)));
/** warnings of other bodies that hold or will, or did since the page was opened */
export const bulletins = shallowReactive(new Map<string, BulletinItem>());
const graveOf = (one: BulletinItem): number => Math.min(...one.parts.map((p) => (p.colour ? GRAVE.indexOf(p.colour) : GRAVE.length)));
/** those that hold now, each with the parts of it that do, the gravest first */
export const othersInForce = computed(() => [...bulletins.values()]
  .filter((one) => one.stage === "in_force" || one.stage === "ahead")
  .map((one) => ({ ...one, parts: one.parts.filter((p) => Date.parse(p.start ?? "") <= now.value && Date.parse(p.until ?? "") > now.value) }))
  .filter((one) => one.parts.length)
  .sort((a, b) => graveOf(a) - graveOf(b)));
export const handover = ref<Handover | null>(null);
export const notices = reactive<Notice[]>([]);
/** rates of the last five minutes, oldest first: [ms, observations per second] */
export const pace = shallowReactive<[number, number][]>([]);
/** ids of the cases and alarms that arrived while looking, with the ms of their arrival */
export const arrivals = shallowReactive(new Map<string, number>());
export const loading = ref(true);
export const fault = ref<Problem | null>(null);
/** why nothing is there yet: what the server answered, or that it does not answer */
export const trouble = computed(() => fault.value ?? (pushState.value === "broken" && !vitals.value ? new Problem(0, {}) : null));
/** grows with each push event of a kind: lists that are not held here reload on it */
export const heard = reactive<Record<string, number>>({ report: 0, device: 0, source: 0, handover: 0, case: 0, alarm: 0, contact: 0, warning: 0, hazard: 0 });
/** the last case that changed: an open case page asks for its details again */
export const lastCase = ref<{ case: string; version: number } | null>(null);

/** Hear which squares of the map changed; null when some of it may have been missed. */
const mapHearers = new Set<(told: MapChanges | null) => void>();
export function onMapChanges(hear: (told: MapChanges | null) => void): () => void {
  mapHearers.add(hear);
  return () => mapHearers.delete(hear);
}

const KEEP_PACE = 300;
const PAGE = 200;
const MOST = 1000;

const QUIET = new Set(["normal", "removed"]);
const NEEDS_ACKNOWLEDGING = new Set(["unacknowledged", "returned_unacknowledged", "latched_unacknowledged"]);

/** Whoever looks at a command room hears what happens in rooms; null: ask for it again. */
const roomHearers = new Set<(told: RoomEvent | null) => void>();
export function onRoom(hear: (told: RoomEvent | null) => void): () => void {
  roomHearers.add(hear);
  return () => roomHearers.delete(hear);
}

/** Whoever shows all that came from other bodies hears what comes; null: ask for it again. */
const bulletinHearers = new Set<(told: BulletinItem | null) => void>();
export function onBulletin(hear: (told: BulletinItem | null) => void): () => void {
  bulletinHearers.add(hear);
  return () => bulletinHearers.delete(hear);
}

export function unacknowledged(alarm: Alarm): boolean {
  return NEEDS_ACKNOWLEDGING.has(alarm.state);
}

/** Counts in figures: what a test or a drill raised is shown as such and counted nowhere. */
export function counts(alarm: Alarm): boolean {
  return !alarm.test && !alarm.probe;
}

function applyAlarm(alarm: Alarm, news: boolean): void {
  const held = alarms.get(alarm.alarm);
  if (held && alarm.version < held.version) return;
  if (QUIET.has(alarm.state)) {
    alarms.delete(alarm.alarm);
    arrivals.delete(alarm.alarm);
    return;
  }
  if (news && !held) arrivals.set(alarm.alarm, Date.now());
  alarms.set(alarm.alarm, alarm);
}

const CLOSED = new Set(["close", "evaluate"]);
export function isOpen(item: CaseItem): boolean {
  return !item.closed_at && !CLOSED.has(item.stage);
}

function applyCase(item: CaseItem, news: boolean): void {
  const held = cases.get(item.case);
  if (held && item.version < held.version) return;
  if (!isOpen(item)) {
    cases.delete(item.case);
    arrivals.delete(item.case);
  } else {
    if (news && !held) arrivals.set(item.case, Date.now());
    cases.set(item.case, item);
  }
  lastCase.value = { case: item.case, version: item.version };
}

/** the last case that is no longer this account's to see: its page says so */
export const withdrawn = ref<{ case: string } | null>(null);

function forgetCase(id: string): void {
  cases.delete(id);
  arrivals.delete(id);
  withdrawn.value = { case: id };
}

function applyVitals(next: Vitals): void {
  if (!next.at || next.at < (vitals.value?.at ?? "")) return;
  vitals.value = next;
  setServerTime(next.at);
  const at = Date.parse(next.at);
  if (pace.length && at <= (pace[pace.length - 1]?.[0] ?? 0)) return;
  pace.push([at, next.observations.per_second]);
  if (pace.length > KEEP_PACE) pace.splice(0, pace.length - KEEP_PACE);
}

/** What everybody hears leaves out what waits: an older telling of it does not come back. */
export function applyWarning(item: WarningItem): void {
  const held = warnings.get(item.warning);
  if (!held || item.version >= held.version) warnings.set(item.warning, item);
}

function apply(kind: PushKind, data: unknown): void {
  if (kind in heard) heard[kind] = (heard[kind] ?? 0) + 1;
  switch (kind) {
    case "vitals":
      return applyVitals(data as Vitals);
    case "alarm":
      return applyAlarm(data as Alarm, true);
    case "case":
      if ((data as { steps?: string[] }).steps?.includes("contact")) heard.contact = (heard.contact ?? 0) + 1;
      return applyCase(data as CaseItem, true);
    case "withdrawn":
      return forgetCase((data as { case: string }).case);
    case "handover":
      handover.value = data as Handover;
      return;
    case "tiles":
      return mapHearers.forEach((tell) => tell(data as MapChanges));
    case "unit":
      return applyUnit(data as Unit);
    case "room":
      return roomHearers.forEach((tell) => tell(data as RoomEvent));
    case "warning":
      return applyWarning(data as WarningItem);
    case "bulletin":
      bulletins.set((data as BulletinItem).bulletin, data as BulletinItem);
      return bulletinHearers.forEach((tell) => tell(data as BulletinItem));
    case "notice":
      notices.unshift(data as Notice);
      notices.splice(20);
      return;
    default:
      return;
  }
}

async function all<T>(where: string, query: Record<string, string | boolean>): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<T> = await api.get<Page<T>>(where, { ...query, limit: PAGE, cursor });
    found.push(...page.items);
    cursor = page.next;
  } while (cursor && found.length < MOST);
  return found;
}

/** The city's names and codes, asked once. */
export function loadCity(): Promise<void> {
  if (city.value) return Promise.resolve();
  asked ??= askCity().finally(() => (asked = null));
  return asked;
}
let asked: Promise<void> | null = null;
async function askCity(): Promise<void> {
  const told = await api.get<City>("/api/city");
  zone.value = told.time_zone;
  const own = session.value?.language ?? "";
  suggestLanguage(...(told.languages.includes(own) ? [own] : []), ...told.languages);
  city.value = told;
}

let waiting: [PushKind, unknown][] | null = null;
let version = "";

let living = false;
let asking = false;
let askAgain = false;

/** Ask for the present state; events that come meanwhile wait and are applied over it. */
async function refresh(): Promise<void> {
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  waiting ??= [];
  try {
    await loadCity();
    const [nowVitals, nowAlarms, nowCases, nowWarnings, nowOthers] = await Promise.all([
      may("vitals.read") ? api.get<Vitals>("/api/vitals") : null,
      may("alarm.read") ? all<Alarm>("/api/alarms", { state: "active" }) : [],
      may("case.read") ? all<CaseItem>("/api/cases", { open: true }) : [],
      may("warning.read") ? all<WarningItem>("/api/warnings", {}) : [],
      may("warning.read") ? all<BulletinItem>("/api/bulletins", {}) : [],
    ]);
    warnings.clear();
    nowWarnings.forEach(applyWarning);
    bulletins.clear();
    nowOthers.forEach((one) => bulletins.set(one.bulletin, one));
    alarms.clear();
    cases.clear();
    if (nowVitals) applyVitals(nowVitals);
    nowAlarms.forEach((a) => applyAlarm(a, false));
    nowCases.forEach((c) => applyCase(c, false));
    fault.value = null;
  } catch (problem) {
    fault.value = problem instanceof Problem ? problem : new Problem(0, { detail: String(problem) });
  } finally {
    const late = waiting ?? [];
    waiting = null;
    late.forEach(([kind, data]) => apply(kind, data));
    loading.value = false;
    asking = false;
    if (askAgain && living) {
      askAgain = false;
      void refresh();
    }
  }
}

function hear(kind: PushKind, data: unknown): void {
  if (kind === "hello") {
    const hello = data as { version?: unknown; resumed?: boolean } | null;
    const told = String(hello?.version ?? "");
    if (version && told && told !== version) return window.location.reload();
    version = told;
    window.clearTimeout(impatient);
    mapHearers.forEach((tell) => tell(null));
    if (!hello?.resumed) {
      roomHearers.forEach((tell) => tell(null));
      bulletinHearers.forEach((tell) => tell(null));
      void refresh();
    }
    return;
  }
  if (waiting) waiting.push([kind, data]);
  else {
    heap.push([kind, data]);
    pile ||= window.setTimeout(take, GATHER);
  }
}

/** In a storm hundreds of events come a second: the page is drawn once for all of a tenth of it. */
const GATHER = 100;
const heap: [PushKind, unknown][] = [];
let pile = 0;

function take(): void {
  pile = 0;
  for (const [kind, data] of heap.splice(0)) {
    if (waiting) waiting.push([kind, data]);
    else apply(kind, data);
  }
}

let again = 0;
let impatient = 0;

/** Begin to live: called by each page that shows live state; a second call changes nothing. */
export function live(): void {
  if (living) return;
  living = true;
  loading.value = true;
  waiting = [];
  listen(hear);
  void loadCity().catch(() => undefined); // the map begins with it; what fails is asked for again below
  // `hello` asks for the lists; without a push line they are shown all the same.
  impatient = window.setTimeout(() => void refresh(), 2500);
  again = window.setInterval(() => {
    // Not polling: only after the first answer failed is it asked for again.
    if (fault.value && !waiting) void refresh();
  }, 5000);
}

/** Stop and forget: another account must not see what this one saw. */
export function die(): void {
  living = false;
  window.clearInterval(again);
  window.clearTimeout(impatient);
  hush();
  heap.splice(0);
  waiting = null;
  city.value = null;
  vitals.value = null;
  handover.value = null;
  alarms.clear();
  cases.clear();
  warnings.clear();
  bulletins.clear();
  arrivals.clear();
  notices.splice(0);
  forgetUnits();
  pace.splice(0);
}

/** Ask again now, by a person's wish. */
export function reload(): void {
  void refresh();
}

/** An item that a person's own step just returned: shown at once, before its push event comes. */
export function tell(kind: "alarm" | "case", item: Alarm | CaseItem): void {
  apply(kind, item);
}

export const levels = computed(() => {
  const known = city.value?.profile.levels ?? [];
  return new Map(known.map((level) => [level.name, level]));
});

const newer = (a: string | null, b: string | null): number => ((a ?? "") < (b ?? "") ? 1 : -1);

/** Open alarms, the most urgent first, then the newest; tests and drills after all others. */
export const alarmList = computed(() =>
  [...alarms.values()].sort(
    (a, b) =>
      Number(counts(b)) - Number(counts(a)) ||
      Number(unacknowledged(b)) - Number(unacknowledged(a)) ||
      a.priority - b.priority ||
      newer(a.raised_at, b.raised_at),
  ),
);

/** How many open alarms count. */
export const alarmCount = computed(() => alarmList.value.filter(counts).length);

/** How many open cases count. */
export const caseCount = computed(() => [...cases.values()].filter((one) => !one.probe).length);

/** Open cases, the newest first. */
export const newestCases = computed(() =>
  [...cases.values()].sort((a, b) => newer(a.opened_at, b.opened_at)),
);

/** cases that stand over the newest on a wall */
const FIRST = 2;
/** Open cases as a wall shows them: those that are overdue or of the graver half of the levels first, the gravest
 * before all and at most `FIRST`; then the newest. What needs somebody does not sink out of sight. */
export const wallCases = computed(() => {
  const rank = (item: CaseItem): number => levels.value.get(item.level)?.number ?? 99;
  const grave = newestCases.value.filter((one) => one.overdue || rank(one) <= levels.value.size / 2);
  const first = grave.sort((a, b) => rank(a) - rank(b) || ((a.due ?? "~") < (b.due ?? "~") ? -1 : 1)).slice(0, FIRST);
  return [...first, ...newestCases.value.filter((one) => !first.includes(one))];
});

/** Open cases, the one that is due first on top. */
export const caseList = computed(() =>
  [...cases.values()].sort((a, b) => {
    if (a.due && b.due) return a.due < b.due ? -1 : 1;
    return a.due ? -1 : b.due ? 1 : newer(a.opened_at, b.opened_at);
  }),
);
