// A deed as the phone keeps it until the city has it.
import type { components } from "@/api/schema";
import type { Text } from "@/api/types";

type Schemas = components["schemas"];
/** what the phone says of a report; what it leaves out has its default */
export type NewReport = Partial<Schemas["NewReport"]>;
export type WalkTold = Schemas["WalkTold"];

export interface Where {
  longitude: number;
  latitude: number;
  /** metres */
  precision?: number;
}

/** A file that goes with a deed; its content lies in store `files` under the deed's id. */
export interface FileTold {
  name: string;
  type: string;
  size: number;
  role: string;
  order?: string;
  /** ms, by the phone's clock */
  takenAt: number;
  where?: Where;
}

export interface Refusal {
  status: number;
  title: string;
  detail: string;
  remedy: string;
  /** steps that others took since the case was seen */
  since?: { step: string; at: string; actor: string; text: Text }[];
}

export type DeedKind = "step" | "file" | "report" | "walk";

export interface Deed {
  /** order in which deeds were done on this phone */
  number?: number;
  /** the Idempotency-Key: the city counts a deed once, however often it is sent */
  id: string;
  account: string;
  /** deeds of one chain are sent one after the other; what is refused holds back those after it */
  chain: string;
  kind: DeedKind;
  /** ms by the phone's clock: when it was done */
  at: number;
  about: { number: string; title: Text | string };
  case?: string;
  step?: string;
  reason?: string;
  data?: Record<string, unknown>;
  /** version of the case that whoever did it saw */
  seen?: number;
  report?: NewReport;
  /** id that the city gave the report of this chain */
  reported?: string;
  walk?: WalkTold;
  file?: FileTold;
  state: "waiting" | "sent" | "refused";
  tries: number;
  /** ms: not before */
  next: number;
  /** why the last try did not get through */
  trouble?: string;
  why?: Refusal;
  sentAt?: number;
}

/** Of which of a case's versions this phone's own deeds led to which: what lies between is ours. */
export type Links = Record<string, number>;

export function expected(seen: number, links: Links | undefined): number {
  let version = seen;
  for (let next = links?.[version]; next !== undefined && next > version; next = links?.[version]) version = next;
  return version;
}

/** Steps of others that change nothing about what a person in the field decided. */
const HARMLESS = new Set(["urge", "warn", "contact", "notice", "note", "evidence", "join", "tell", "worsened", "returned", "whistle", "arrive", "escalate", "advise"]);

export function harmless(events: { step: string; data: Record<string, unknown> }[], order: unknown): boolean {
  return events.every((one) => HARMLESS.has(one.step) || (["accept", "handle", "feed_back"].includes(one.step) && order !== undefined && one.data.order !== order));
}

/** ms until the next try: 2 s, doubled each time up to five minutes, never all phones at once. */
export function pause(tries: number): number {
  return Math.min(2000 * 2 ** Math.max(0, tries - 1), 300_000) * (0.75 + Math.random() / 2);
}
