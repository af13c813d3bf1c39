// Figures as they are read from afar.
import { language } from "@/words";

/** 1560000 → "1,560,000". */
export function whole(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return Math.round(value).toLocaleString("en-US");
}

/** Large counts shortened to four figures: 156.0万 / 1.56 M. */
export function short(value: number | null | undefined): { figure: string; unit: string } {
  if (value === null || value === undefined || Number.isNaN(value)) return { figure: "–", unit: "" };
  const steps: [number, string][] =
    language.value === "zh" ? [[1e8, "亿"], [1e4, "万"]] : [[1e9, "B"], [1e6, "M"], [1e3, "k"]];
  const exactBelow = language.value === "zh" ? 1e5 : 1e5;
  if (Math.abs(value) < exactBelow) return { figure: whole(value), unit: "" };
  for (const [step, unit] of steps) {
    if (Math.abs(value) >= step) {
      const v = value / step;
      return { figure: v.toFixed(v >= 1000 ? 0 : v >= 100 ? 1 : 2), unit };
    }
  }
  return { figure: whole(value), unit: "" };
}

/** A measured value: four significant figures, no trailing noise. */
export function reading(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  return String(Number(value.toPrecision(4)));
}

export function percent(part: number, of: number): string {
  return of > 0 ? `${((100 * part) / of).toFixed(part === of ? 0 : 1)}%` : "–";
}
