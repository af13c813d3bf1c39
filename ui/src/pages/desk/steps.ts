// What can be done to a case, put where a person looks for it: what moves it on, then by what it is about.
import type { Action, CaseDetail } from "@/api/types";

/** Takes the case on from where it stands, the likeliest first. */
const NEXT = ["resume", "review", "rule", "verify", "file", "accept", "handle", "feed_back", "arrive", "check", "close", "evaluate"];
/** They end the case or send it back: they stand apart. */
const GRAVE = ["return", "void"];
const GROUPS = {
  who: ["order", "assign", "transfer", "cancel", "whistle", "call_off", "dispute", "withdraw_ruling"],
  record: ["note", "supplement", "reopen", "appeal"],
  level: ["grade", "assess", "escalate"],
  limit: ["urge", "supervise", "lift", "suspend", "ask_extension", "extend", "refuse_extension"],
} as const;
export type GroupName = keyof typeof GROUPS;
/** Merging, splitting and the checklist have their own places on the page. */
const ELSEWHERE = new Set(["merge", "split", "tick"]);

export interface Deeds {
  next: Action[];
  groups: { name: GroupName; actions: Action[] }[];
  grave: Action[];
  /** as the number keys count them: as they stand on the page, what is grave last; a note has a key of its own */
  ordered: Action[];
}

/** A case that waits to be sent out is taken on by an order, or first by naming an owner. */
function nextAt(held: CaseDetail): string[] {
  if (held.stage !== "dispatch") return NEXT;
  return held.owner ? [...NEXT, "order"] : [...NEXT, "assign", "order"];
}

export function deedsOf(held: CaseDetail): Deeds {
  const left = new Map(held.actions.filter((a) => !ELSEWHERE.has(a.step)).map((a) => [a.step, a]));
  const taken = (steps: readonly string[]): Action[] => {
    const found = steps.flatMap((step) => left.get(step) ?? []);
    for (const one of found) left.delete(one.step);
    return found;
  };
  const next = taken(nextAt(held));
  const grave = taken(GRAVE);
  const groups = (Object.keys(GROUPS) as GroupName[]).map((name) => ({ name, actions: taken(GROUPS[name]) }));
  groups.find((one) => one.name === "record")?.actions.push(...left.values()); // a step that is new here is not left out
  return { next, groups, grave, ordered: [...next, ...groups.flatMap((one) => one.actions), ...grave].filter((one) => one.step !== "note") };
}
