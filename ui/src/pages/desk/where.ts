// Where an entry of a case's timeline happened, for the map beside it.
import { moment } from "@/time";
import { name, say, w } from "@/words";
import type { CaseDetail, CaseEvent, Place } from "@/api/types";

export interface Spot {
  sequence: number;
  place: Place;
  /** false: the entry tells no place, the case's is shown */
  own: boolean;
  /** digest of the file that the entry brought */
  file: string;
  words: string;
}

const known = (told: unknown): told is Place => typeof told === "object" && told !== null && typeof (told as Place).longitude === "number" && typeof (told as Place).latitude === "number";

/** The place that an entry tells: of the deed itself, of the file or of the signal that came with it. */
export function placeOf(event: CaseEvent): Place | null {
  const data = event.data as { place?: unknown; member?: { place?: unknown } };
  return [data.place, data.member?.place].find(known) ?? null;
}

export function spotOf(event: CaseEvent, held: CaseDetail): Spot {
  const place = placeOf(event);
  const digest = (event.data as { digest?: unknown }).digest;
  const words = `${moment(event.at)} ${say(event.text).split(" · ")[0] || name(w.value.steps, event.step)}`;
  return { sequence: event.sequence, place: place ?? held.place, own: place !== null, file: typeof digest === "string" ? digest : "", words };
}
