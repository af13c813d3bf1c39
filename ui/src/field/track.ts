// The patrol that is being walked: kept on the phone at every step, so that nothing but the last
// metres goes when the phone dies.
import { ref, shallowRef } from "vue";
import * as box from "./box";
import type { WalkTold } from "./deed";
import { add } from "./outbox";
import { newKey } from "@/unique";
import { follow, here, metres, type Fix } from "./position";

export interface Walk {
  id: string;
  startedAt: number;
  /** [ms, longitude, latitude, precision] */
  steps: [number, number, number, number][];
  metres: number;
  looked: { point: string; at: number; good: boolean; note: string }[];
}

const KEY = "walk";
const MOST = 20_000;
export const walk = shallowRef<Walk | null>(null);
export const wakeful = ref(false);
let unfollow: (() => void) | null = null;
let lamp: { release(): Promise<void> } | null = null;

async function keep(): Promise<void> {
  await box.put("drafts", KEY, walk.value);
}

function take(fix: Fix): void {
  const held = walk.value;
  if (!held || (fix.precision ?? 0) > 100) return;
  const last = held.steps.at(-1);
  const far = last ? metres({ longitude: last[1], latitude: last[2] }, fix) : Infinity;
  if (far < Math.max(5, (fix.precision ?? 0) / 2) || held.steps.length >= MOST) return;
  const at = Math.max(fix.at, last?.[0] ?? held.startedAt);
  walk.value = { ...held, steps: [...held.steps, [at, fix.longitude, fix.latitude, fix.precision ?? 0]], metres: held.metres + (last ? far : 0) };
  void keep();
}

async function begin(): Promise<void> {
  unfollow ??= follow(take);
  // whoever stands still when the walk begins begins here
  if (here.value && Date.now() - here.value.at < 60_000) take({ ...here.value, at: Date.now() });
  const screen = (navigator as unknown as { wakeLock?: { request(kind: string): Promise<{ release(): Promise<void> }> } }).wakeLock;
  lamp = (await screen?.request("screen").catch(() => null)) ?? null;
  wakeful.value = lamp !== null;
}

export async function start(): Promise<void> {
  walk.value = { id: newKey(), startedAt: Date.now(), steps: [], metres: 0, looked: [] };
  // followed from the tap on, not from when the disk has it: who sets off at once loses no metre
  const begun = begin();
  await keep();
  await begun;
}

/** After the page was closed while walking. */
export async function recall(): Promise<void> {
  if (walk.value) return;
  walk.value = (await box.get<Walk>("drafts", KEY)) ?? null;
  if (walk.value) await begin();
}

export async function look(point: string, good: boolean, note: string): Promise<void> {
  if (!walk.value) return;
  const rest = walk.value.looked.filter((one) => one.point !== point);
  walk.value = { ...walk.value, looked: [...rest, { point, at: Date.now(), good, note }] };
  await keep();
}

/** End the walk and put it among what is to be sent. */
export async function finish(title: string): Promise<void> {
  const held = walk.value;
  if (!held) return;
  const end = Math.max(Date.now(), held.steps.at(-1)?.[0] ?? 0);
  const told: WalkTold = {
    started_at: new Date(held.startedAt).toISOString(),
    ended_at: new Date(end).toISOString(),
    steps: held.steps.map(([at, longitude, latitude, precision]) => [(at - held.startedAt) / 1000, longitude, latitude, precision]),
    looked: held.looked.map((one) => ({ ...one, at: new Date(one.at).toISOString() })),
  };
  await add([{ id: held.id, chain: `walk:${held.id}`, kind: "walk", about: { number: "", title }, walk: told }]);
  walk.value = null;
  await box.remove("drafts", KEY);
  unfollow?.();
  unfollow = null;
  await lamp?.release().catch(() => undefined);
  lamp = null;
}
