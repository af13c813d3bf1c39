// How a series is drawn: stretches as boxes from their lowest to their highest value, so that a
// spike stays a stroke at any zoom; the mean as a line that no gap is bridged by; what does not
// count, apart; limits as lines; alarms on the axis of time.
import type { CustomSeriesOption, LineSeriesOption, ScatterSeriesOption } from "echarts/charts";
import type { GridComponentOption, MarkLineComponentOption, TooltipComponentOption } from "echarts/components";
import type { ComposeOption } from "echarts/core";
import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams, CustomSeriesRenderItemReturn } from "echarts/types/dist/shared";
import { TEXT_FACE } from "@/styles/fonts";
import { reading } from "@/numbers";
import { dayMonthOfWall } from "@/time";
import type { Alarm, Series } from "@/api/types";
import type { Span } from "./past";
import { stepsOf } from "./states";

export type Option = ComposeOption<CustomSeriesOption | LineSeriesOption | ScatterSeriesOption | GridComponentOption | MarkLineComponentOption | TooltipComponentOption>;

export interface Line {
  value: number;
  words: string;
  colour: string;
}
export interface Scene {
  series: Series;
  /** ms of each point */
  at: readonly number[];
  view: Span;
  alarms: readonly Alarm[];
  lines: readonly Line[];
  px: number;
  token: (name: string) => string;
  /** UTC → the city's wall clock, as ECharts is to tick it */
  local: (at: number) => number;
  tip: (at: number) => string;
  words: { gap: string };
}
export const EDGE = { right: 16, top: 16, bottom: 30 };
/** Room for the axis' words: states are words, figures are short. */
export const leftOf = (series: Series | null): number => (series && Object.keys(series.states).length ? 104 : 52);
const APART = 1;
/** quality above which a value does not count */
/** by quality; drawn as outlines */
const SYMBOLS = ["circle", "circle", "path://M-5,-5L5,5M5,-5L-5,5", "rect", "diamond"];

/** First index with `at[i] >= t`. */
export function place(at: readonly number[], t: number): number {
  let low = 0;
  let high = at.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((at[middle] as number) < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function counts(series: Series, i: number): boolean {
  return series.value[i] !== null && (series.quality[i] ?? 0) <= APART;
}

/** A round step that parts `range` into about four. */
function round(range: number): number {
  const raw = range / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 2.5, 5].find((n) => n * power >= raw) ?? 10) * power;
}

/** Lowest and highest of what is in view, on round figures. */
export function scale(scene: Pick<Scene, "series" | "at" | "view" | "lines">): { min: number; max: number; interval: number } {
  const { series, at, view } = scene;
  let low = Infinity;
  let high = -Infinity;
  const last = Math.min(place(at, view[1]) + 1, at.length);
  for (let i = Math.max(place(at, view[0] - series.step * 1000) - 1, 0); i < last; i += 1) {
    if (!counts(series, i)) continue;
    low = Math.min(low, series.low[i] ?? Infinity);
    high = Math.max(high, series.high[i] ?? -Infinity);
  }
  for (const line of scene.lines) {
    low = Math.min(low, line.value);
    high = Math.max(high, line.value);
  }
  if (low > high) [low, high] = [0, 1];
  const spread = high - low || Math.max(Math.abs(high) * 0.1, 1);
  const pad = high === low ? spread / 2 : spread * 0.06;
  const interval = round(spread + 2 * pad);
  const min = low >= 0 && low - pad < 0 ? 0 : Math.floor((low - pad) / interval) * interval;
  return { min, max: Math.ceil((high + pad) / interval) * interval, interval };
}

/** Spans of view in which something should have been measured and was not. */
export function gaps(series: Series, at: readonly number[], until: number): Span[] {
  if (!series.gap) return [];
  const found: Span[] = [];
  const longest = series.gap * 1000;
  for (let i = 1; i < at.length; i += 1) {
    const from = (at[i - 1] as number) + series.step * 1000;
    if ((at[i] as number) - (at[i - 1] as number) > longest) found.push([from, at[i] as number]);
  }
  const last = at[at.length - 1];
  if (last !== undefined && until - last > longest + series.step * 1000) found.push([last + series.step * 1000, until]);
  return found;
}

type Item = (number | null)[];

export function option(scene: Scene): Option {
  const { series, at, view, px, token, local } = scene;
  const steps = stepsOf(series, scene.lines.map((one) => one.value));
  const { min, max, interval } = steps ? { min: -0.5, max: steps.values.length - 0.5, interval: 1 } : scale(scene);
  const up = steps ? steps.rank : (value: number): number => value;
  const left = leftOf(series);
  const half = series.step * 500;
  const longest = series.gap * 1000;
  const line: Item[] = [];
  const lone: Item[] = [];
  const boxes: Item[] = [];
  const apart: { value: Item; symbol: string; itemStyle?: { color: string } }[] = [];
  let before = -Infinity;
  let joined = 0;
  at.forEach((t, i) => {
    const value = series.value[i] ?? null;
    const quality = series.quality[i] ?? 0;
    if (value === null || quality > APART) {
      if (value !== null) apart.push({ value: [local(t), Math.min(Math.max(up(value), min), max)], symbol: SYMBOLS[quality] ?? "circle" });
      return;
    }
    if (quality === APART) apart.push({ value: [local(t), up(value)], symbol: SYMBOLS[1] as string });
    if (longest && t - before > longest && before !== -Infinity) {
      if (joined === 1) lone.push(line[line.length - 1] as Item);
      line.push([local((t + before) / 2), null]);
      joined = 0;
    }
    line.push([local(t + half), up(value)]);
    if (!series.raw) boxes.push([local(t), local(t) + series.step * 1000, up(series.low[i] ?? value), up(series.high[i] ?? value)]);
    joined += 1;
    before = t;
  });
  if (joined === 1) lone.push(line[line.length - 1] as Item);
  series.apart.at.forEach((t, i) => {
    const value = series.apart.value[i] ?? null;
    if (value !== null) apart.push({ value: [local(Date.parse(t)), Math.min(Math.max(up(value), min), max)], symbol: SYMBOLS[series.apart.quality[i] ?? 2] ?? "circle" });
  });
  const text = { color: token("ink-3"), fontFamily: TEXT_FACE, fontSize: 12 * px };
  const wide = view[1] - view[0];
  const accent = token("accent");
  const quiet = { silent: true, animation: false, tooltip: { show: false } } as const;

  function box(_: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI): CustomSeriesRenderItemReturn {
    const [left = 0, bottom = 0] = api.coord([api.value(0), api.value(2)]);
    const [right = 0, top = 0] = api.coord([api.value(1), api.value(3)]);
    const width = Math.max(right - left, 1.5 * px);
    return { type: "rect", shape: { x: left, y: top - 0.5, width, height: Math.max(bottom - top, 1) }, style: { fill: accent, opacity: right - left < 3 * px ? 0.75 : 0.35 } };
  }
  function mark(params: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI): CustomSeriesRenderItemReturn {
    const area = params.coordSys as unknown as { x: number; y: number; width: number; height: number };
    const alarm = scene.alarms[params.dataIndex];
    const colour = token(["neutral", "red", "orange", "yellow", "blue"][alarm?.priority ?? 0] ?? "neutral");
    const [from = 0] = api.coord([api.value(0), min]);
    const [to = 0] = api.coord([api.value(1), min]);
    const foot = area.y + area.height;
    const start = Math.max(from, area.x);
    const end = Math.min(Math.max(to, from + 2 * px), area.x + area.width);
    if (end < area.x || from > area.x + area.width) return null;
    const size = 6 * px;
    const children: unknown[] = [{ type: "rect", shape: { x: start, y: foot - 3 * px, width: Math.max(end - start, 1), height: 3 * px }, style: { fill: colour, opacity: 0.75 } }];
    if (from >= area.x) {
      children.push({ type: "line", shape: { x1: from, x2: from, y1: area.y, y2: foot }, style: { stroke: colour, lineWidth: px, opacity: 0.35 } });
      children.push({ type: "polygon", shape: { points: [[from - size, foot + size * 1.2], [from + size, foot + size * 1.2], [from, foot - size * 0.4]] }, style: { fill: colour } });
    }
    return { type: "group", children } as CustomSeriesRenderItemReturn;
  }
  const until = Math.min(view[1], Date.now());
  return {
    animation: false,
    useUTC: true,
    textStyle: { fontFamily: TEXT_FACE },
    grid: { left: left * px, right: EDGE.right * px, top: EDGE.top * px, bottom: EDGE.bottom * px },
    tooltip: {
      trigger: "axis", confine: true, backgroundColor: token("surface-3"), borderColor: token("line-strong"), textStyle: { color: token("ink"), fontSize: 13 * px },
      axisPointer: { type: "line", lineStyle: { color: token("line-strong"), type: "solid" }, snap: false },
      formatter: (found: unknown) => {
        const first = (Array.isArray(found) ? found[0] : found) as { axisValue?: number } | undefined;
        return typeof first?.axisValue === "number" ? scene.tip(first.axisValue) : "";
      },
    },
    xAxis: {
      type: "time", min: local(view[0]), max: local(view[1]), splitNumber: 5, axisTick: { show: false },
      axisLine: { lineStyle: { color: token("line-strong") } },
      axisLabel: { ...text, hideOverlap: true, margin: 12 * px, showMinLabel: false, showMaxLabel: false, formatter: (t: number) => tick(t, wide) },
    },
    yAxis: {
      type: "value", min, max, interval, axisLine: { show: false },
      axisTick: { show: false, ...(steps ? { customValues: steps.values.map((_, i) => i) } : {}) },
      axisLabel: {
        ...text, formatter: (v: number) => (steps ? steps.words(v) : reading(v)), width: (left - 8) * px,
        ...(steps ? { customValues: steps.values.map((_, i) => i), overflow: "break", lineHeight: 14 * px } : { overflow: "truncate" }),
      },
      splitLine: { lineStyle: { color: token("line") } },
    },
    series: [
      { type: "custom", name: "gaps", renderItem: hole(token("surface-3"), scene.words.gap, text), data: gaps(series, at, until).map(([a, b]) => [local(a), local(b), min, max]), encode: { x: [0, 1], y: [2, 3] }, clip: true, z: 1, ...quiet },
      { type: "custom", name: "envelope", renderItem: box, data: boxes as number[][], encode: { x: [0, 1], y: [2, 3] }, clip: true, z: 2, ...quiet },
      {
        type: "line", name: "mean", data: line, step: steps && series.raw ? "end" : false, connectNulls: false, clip: true, z: 3,
        showSymbol: series.raw && line.length < 90, symbol: "circle", symbolSize: 4 * px, lineStyle: { color: accent, width: 1.75 * px }, itemStyle: { color: accent },
        markLine: { silent: true, symbol: "none", animation: false, data: scene.lines.map((one) => ({ yAxis: up(one.value), lineStyle: { color: one.colour, type: "dashed" as const, width: 1.25 * px }, label: { color: one.colour, formatter: one.words, position: "insideStartTop" as const, fontFamily: TEXT_FACE, fontSize: 12 * px } })) },
      },
      { type: "scatter", name: "lone", data: lone as number[][], symbolSize: 5 * px, itemStyle: { color: accent }, z: 4, ...quiet },
      { type: "scatter", name: "apart", data: apart as ScatterSeriesOption["data"], symbolSize: 8 * px, itemStyle: { color: "transparent", borderColor: token("ink-2"), borderWidth: 1.5 * px }, z: 5, ...quiet },
      { type: "custom", name: "alarms", renderItem: mark, data: scene.alarms.map((a) => [local(Date.parse(a.raised_at ?? "")), local(a.returned_at ?? a.cleared_at ? Date.parse((a.returned_at ?? a.cleared_at) as string) : until)]), encode: { x: [0, 1] }, clip: false, z: 6, ...quiet },
    ],
  };
}

function hole(colour: string, words: string, text: { color: string; fontFamily: string; fontSize: number }) {
  return (_: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI): CustomSeriesRenderItemReturn => {
    const [left = 0, bottom = 0] = api.coord([api.value(0), api.value(2)]);
    const [right = 0, top = 0] = api.coord([api.value(1), api.value(3)]);
    const area = (_ as unknown as { coordSys: { x: number; width: number } }).coordSys;
    const x = Math.max(left, area.x);
    const width = Math.min(right, area.x + area.width) - x;
    if (width <= 1) return null;
    const children: unknown[] = [{ type: "rect", shape: { x, y: top, width, height: bottom - top }, style: { fill: colour, opacity: 0.45 } }];
    if (width > text.fontSize * 5) children.push({ type: "text", style: { text: words, x: x + width / 2, y: top + 4, align: "center", fill: text.color, font: `${text.fontSize}px "${text.fontFamily}"` } });
    return { type: "group", children } as CustomSeriesRenderItemReturn;
  };
}

const two = (n: number): string => String(n).padStart(2, "0");

/** A tick on the city's wall clock: the day where it begins, else the time. */
function tick(t: number, wide: number): string {
  const d = new Date(t);
  if (wide > 300 * 86_400_000) return `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}`;
  if (t % 86_400_000 === 0) return dayMonthOfWall(t);
  const time = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  return t % 60_000 === 0 ? time : `${time}:${two(d.getUTCSeconds())}`;
}
