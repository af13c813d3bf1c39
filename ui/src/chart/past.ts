// What a chart looks at: a span of time, the series that was asked for it, the device's alarms.
import { onBeforeUnmount, ref, shallowRef, type Ref } from "vue";
import { api, type Problem } from "@/api/client";
import { asProblem } from "@/list";
import { may } from "@/session";
import { now } from "@/time";
import type { Alarm, Page, Series, SeriesSet } from "@/api/types";

/** From and to, ms. */
export type Span = readonly [number, number];

export interface Past {
  view: Ref<Span>;
  /** what `view` was set to by a button, hours; 0 all there is; null moved by hand */
  range: Ref<number | null>;
  series: Ref<Series | null>;
  alarms: Ref<Alarm[]>;
  loading: Ref<boolean>;
  fault: Ref<Problem | null>;
  load: () => Promise<void>;
  choose: (hours: number) => void;
  look: (from: number, to: number) => void;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const LEAST = 10_000;
const MOST = 1096 * DAY;
const PAUSE = 140;

/** Bounds that fall on whole seconds, minutes, hours or days: what is rolled up need not be cut. */
function rounded(from: number, to: number): Span {
  const wide = to - from;
  const width = wide > 60 * DAY ? DAY : wide > 2 * DAY ? HOUR : wide > 3 * HOUR ? 60_000 : 1000;
  return [Math.floor(from / width) * width, Math.ceil(to / width) * width];
}

/** The past of one datastream. `width` is how many pixels there are to draw on. */
export function usePast(device: () => string, property: () => string, width: () => number, hours: number): Past {
  const view = ref<Span>([now.value - hours * HOUR, now.value]);
  const range = ref<number | null>(hours);
  const series = shallowRef<Series | null>(null);
  const alarms = shallowRef<Alarm[]>([]);
  const loading = ref(true);
  const fault = shallowRef<Problem | null>(null);
  let oldest: number | null = null;
  let held: Span | null = null;
  let asking: AbortController | null = null;
  let later = 0;

  /** Whether what is held shows the view as finely as the screen can. */
  function enough(): boolean {
    const [from, to] = view.value;
    if (!held || !series.value || series.value.device !== device() || series.value.property !== property()) return false;
    if (held[0] > from || held[1] < Math.min(to, now.value)) return false;
    return series.value.raw || series.value.step * 1000 <= (1.5 * (to - from)) / Math.max(width(), 200);
  }

  async function load(): Promise<void> {
    window.clearTimeout(later);
    asking?.abort();
    const mine = (asking = new AbortController());
    loading.value = true;
    const [from, to] = view.value;
    const beside = (to - from) / 4;
    const span = rounded(from - beside, to + beside);
    const points = Math.round(1.5 * Math.min(Math.max(width(), 300), 1600));
    try {
      const found = await api.get<SeriesSet>("/api/history/series", { datastream: `${device()}/${property()}`, from: new Date(span[0]).toISOString(), to: new Date(span[1]).toISOString(), points }, mine.signal);
      held = span;
      oldest = found.oldest ? Date.parse(found.oldest) : null;
      series.value = found.series[0] ?? null;
      fault.value = null;
    } catch (reason) {
      if (!mine.signal.aborted) fault.value = asProblem(reason);
    } finally {
      if (asking === mine) loading.value = false;
    }
  }

  async function loadAlarms(): Promise<void> {
    if (!may("alarm.read")) return;
    const asked = device();
    try {
      const found = await api.get<Page<Alarm>>("/api/alarms", { state: "all", device: asked, limit: 200 });
      if (asked === device()) alarms.value = found.items;
    } catch {
      alarms.value = []; // the line is drawn without its marks
    }
  }

  function show(from: number, to: number): void {
    const wide = Math.min(Math.max(to - from, LEAST), MOST);
    // nobody has measured the future, and a little room shows that the present is meant
    const end = Math.min(to, now.value + wide / 20);
    view.value = [end - wide, end];
    window.clearTimeout(later);
    if (enough()) return;
    asking?.abort();
    later = window.setTimeout(() => void load(), PAUSE);
  }
  function choose(chosen: number): void {
    range.value = chosen;
    const to = now.value;
    const from = chosen ? to - chosen * HOUR : Math.max(oldest ?? to - 30 * DAY, to - MOST);
    show(from, to);
  }
  onBeforeUnmount(() => {
    window.clearTimeout(later);
    asking?.abort();
  });
  return {
    view, range, series, alarms, loading, fault, choose,
    look: (from, to) => { range.value = null; show(from, to); },
    load: async () => { void loadAlarms(); await load(); },
  };
}
