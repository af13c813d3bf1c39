// States on an axis: each that occurs has a step of its own, in order, and its words beside it. Their figures
// tell nobody anything, and some are bits: 256 is one step above 2, not a hundred times as high.
import { stateWords } from "@/names";
import type { Series } from "@/api/types";

/** beyond so many, those that do not occur are left out */
const MOST = 5;

export interface Steps {
  values: number[];
  /** where a value stands: on its step, or between two in proportion, as a mean of states does */
  rank: (value: number) => number;
  /** words of a step; its figure where the city has none for it */
  words: (step: number) => string;
}

/** null where the series is of figures. `more`: values besides those measured, as limits are. */
export function stepsOf(series: Series, more: readonly number[]): Steps | null {
  const keys = Object.keys(series.states);
  if (!keys.length) return null;
  const plain = keys.filter((key) => !key.startsWith("bit")).map(Number);
  const met = new Set([...series.value, ...series.low, ...series.high, ...series.apart.value, ...more].filter((v): v is number => v !== null && v !== undefined && Number.isInteger(v)));
  if (plain.length <= MOST) for (const value of plain) met.add(value);
  const values = [...met].sort((a, b) => a - b);
  const last = values.length - 1;
  const rank = (value: number): number => {
    const above = values.findIndex((one) => one >= value);
    if (above < 0) return Math.max(last, 0);
    const [low, high] = [values[above - 1], values[above] as number];
    return low === undefined ? 0 : above - (high - value) / (high - low);
  };
  return { values, rank, words: (step) => stateWords(series.states, values[step]) || String(values[step] ?? "") };
}
