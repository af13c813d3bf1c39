// Which open cases may be the same as what is being told: only what helps an agent to ask; the joining itself
// is the server's.
import type { CaseItem } from "@/api/types";

/** `within`: codes of the divisions that it happens in, as far as that is known */
export interface Told { text: string; matter: string; place: { longitude: number; latitude: number } | null; within: Set<string> }
export interface Alike { item: CaseItem; metres: number | null; matter: boolean; words: boolean; score: number }

const NEAR = 500;
const MOST = 5;
const METRE = 111_195;

/** What words are made of: pairs of Chinese characters, and words of three letters or more. */
export function parts(text: string): Set<string> {
  const found = new Set(text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu)?.filter((one) => !/\p{Script=Han}/u.test(one)) ?? []);
  for (const run of text.match(/\p{Script=Han}{2,}/gu) ?? []) for (let i = 0; i + 1 < run.length; i += 1) found.add(run.slice(i, i + 2));
  return found;
}

function away(told: Told, item: CaseItem): number | null {
  const at = item.place;
  if (!told.place || at?.longitude == null || at.latitude == null) return null;
  const broad = Math.cos((told.place.latitude * Math.PI) / 180);
  return Math.hypot((at.longitude - told.place.longitude) * broad, at.latitude - told.place.latitude) * METRE;
}

/** The likeliest first; nothing where too little was told yet. */
export function alike(told: Told, cases: Iterable<CaseItem>): Alike[] {
  const said = parts(told.text);
  const found: Alike[] = [];
  for (const item of cases) {
    const metres = away(told, item);
    if (metres !== null && metres > 10 * NEAR) continue;
    const matter = Boolean(told.matter) && item.matter === told.matter;
    const own = parts([...Object.values(item.title ?? {}), item.place?.address ?? ""].join(" "));
    const shared = [...own].filter((one) => said.has(one)).length;
    const words = shared >= 3 || (shared >= 2 && shared >= own.size / 3);
    const near = metres !== null && metres <= NEAR;
    if (!(near && (matter || words || !told.matter)) && !(words && (matter || metres === null)) && !(matter && (metres === null ? told.within.has(item.division) : metres <= 2 * NEAR))) continue;
    found.push({ item, metres, matter, words, score: (matter ? 2 : 0) + Math.min(shared, 8) / 4 + (metres === null ? 0 : 2 - (2 * metres) / (10 * NEAR)) });
  }
  return found.sort((a, b) => b.score - a.score).slice(0, MOST);
}
