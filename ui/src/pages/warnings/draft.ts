// What somebody writes of a warning before it is sent, and what it begins from.
import { now, zoneOffset } from "@/time";
import { w } from "@/words";
import type { BulletinItem, CapTaken, Text, WarningItem, WarningKinds, WarningProposal } from "@/api/types";

export interface Draft {
  event: string; colour: string; status: string; urgency: string; certainty: string;
  headline: Record<string, string>; description: Record<string, string>; instruction: Record<string, string>;
  divisions: string[]; onset: string; expires: string; outline: string; source: string; note: string;
  /** for whom its source is, where that is not for the public */
  restriction: string;
  /** outlines that came with it and were not changed by hand */
  rings: [number, number][][];
}
type Content = WarningItem["content"];
const HOUR = 3_600_000;

/** An instant as the field of a form shows it, by the city's time; and back. */
export function toField(at: string | number | null | undefined): string {
  if (!at) return "";
  const ms = typeof at === "number" ? at : Date.parse(at);
  return new Date(ms + zoneOffset(ms)).toISOString().slice(0, 16);
}
export function fromField(text: string): string | null {
  if (!text) return null;
  const plain = Date.parse(`${text}:00Z`);
  return new Date(plain - zoneOffset(plain)).toISOString();
}

const words = (languages: string[], text: Text | undefined): Record<string, string> => Object.fromEntries(languages.map((l) => [l, text?.[l] ?? ""]));

export function fresh(kinds: WarningKinds, root: string): Draft {
  const colour = kinds.colours.at(-1);
  return {
    event: kinds.events[0]?.code ?? "", colour: colour?.code ?? "", status: "Actual", urgency: "Expected", certainty: "Likely",
    headline: words(kinds.languages, undefined), description: words(kinds.languages, undefined), instruction: words(kinds.languages, undefined),
    divisions: [root], onset: "", expires: toField(now.value + (colour?.hours ?? 24) * HOUR), outline: "", source: "", restriction: "", note: "", rings: [],
  };
}
export function ofContent(kinds: WarningKinds, content: Content, note = ""): Draft {
  const drawn = content.areas.filter((a) => !a.code).flatMap((a) => a.rings) as [number, number][][];
  return {
    ...content, note, onset: toField(content.onset), expires: toField(content.expires), rings: drawn, outline: drawn.length === 1 ? lines(drawn[0] ?? []) : "", divisions: [...content.divisions],
    headline: words(kinds.languages, content.headline), description: words(kinds.languages, content.description), instruction: words(kinds.languages, content.instruction),
  };
}
export function ofProposal(kinds: WarningKinds, one: WarningProposal): Draft {
  return {
    ...fresh(kinds, ""), event: one.event, colour: one.colour, divisions: [...one.divisions], expires: toField(one.expires), source: one.source,
    headline: words(kinds.languages, one.headline), description: words(kinds.languages, one.description), instruction: words(kinds.languages, one.instruction),
  };
}
type Taken = Pick<CapTaken, "event" | "colour" | "urgency" | "certainty" | "headline" | "description" | "instruction" | "divisions" | "onset" | "expires" | "rings" | "sender" | "identifier" | "restriction">;
export function ofTaken(kinds: WarningKinds, root: string, one: Taken): Draft {
  const begin = fresh(kinds, root);
  const known = kinds.events.some((e) => e.code === one.event);
  return {
    ...begin, event: known ? one.event : begin.event, colour: one.colour || begin.colour, urgency: one.urgency, certainty: one.certainty === "Very Likely" ? "Likely" : one.certainty,
    headline: words(kinds.languages, one.headline), description: words(kinds.languages, one.description), instruction: words(kinds.languages, one.instruction),
    divisions: one.divisions.length ? [...one.divisions] : [root], onset: toField(one.onset), expires: toField(one.expires) || begin.expires,
    rings: one.divisions.length ? [] : (one.rings as [number, number][][]), outline: !one.divisions.length && one.rings.length === 1 ? lines(one.rings[0] as [number, number][]) : "",
    source: `${one.sender} ${one.identifier}`.slice(0, 100), restriction: one.restriction,
  };
}
export function ofBulletin(kinds: WarningKinds, root: string, one: BulletinItem, part: BulletinItem["parts"][number]): Draft {
  const told = { ...part, sender: one.sender, identifier: one.identifier, restriction: one.restriction, expires: part.until, rings: part.areas.flatMap((a) => a.rings) };
  return ofTaken(kinds, root, told);
}
const lines = (ring: [number, number][]): string => ring.slice(0, -1).map(([x, y]) => `${x},${y}`).join("\n");

/** The outlines of the draft, or what is wrong with what was typed. */
function outlines(draft: Draft): [number, number][][] | string {
  const typed = draft.outline.split("\n").map((line) => line.trim()).filter(Boolean);
  if (!typed.length) return draft.rings.length > 1 ? draft.rings : [];
  const ring: [number, number][] = [];
  for (const [i, line] of typed.entries()) {
    const [x, y, ...more] = line.split(/[,，\s]+/).map(Number);
    if (x === undefined || y === undefined || more.length || !Number.isFinite(x) || !Number.isFinite(y)) return w.value.warning.badOutline(i + 1);
    ring.push([x, y]);
  }
  if (ring.length < 3) return w.value.warning.fewPoints;
  const [first, last] = [ring[0]!, ring.at(-1)!];
  if (first[0] !== last[0] || first[1] !== last[1]) ring.push([...first]);
  return [ring];
}

/** The draft as the server takes it, or what is wrong with it. */
export function toBody(draft: Draft): Record<string, unknown> | string {
  const rings = outlines(draft);
  if (typeof rings === "string") return rings;
  const filled = (text: Record<string, string>): Record<string, string> => Object.fromEntries(Object.entries(text).filter(([, words]) => words.trim()));
  return {
    event: draft.event, colour: draft.colour, status: draft.status, urgency: draft.urgency, certainty: draft.certainty, divisions: draft.divisions, source: draft.source, restriction: draft.restriction, note: draft.note, rings,
    headline: filled(draft.headline), description: filled(draft.description), instruction: filled(draft.instruction), onset: fromField(draft.onset), expires: fromField(draft.expires) ?? "",
  };
}
