// What was taken along: this account's orders and checks, shown with its own deeds that wait.
import { computed, ref, shallowRef } from "vue";
import { api, Problem } from "@/api/client";
import type { components } from "@/api/schema";
import { loadCity } from "@/live";
import { listen } from "@/push";
import { setServerTime } from "@/time";
import type { CaseItem, Order } from "@/api/types";
import { keepCity, lockBy, lockWhenDue } from "./account";
import * as box from "./box";
import { own } from "./outbox";

type Schemas = components["schemas"];
export type FieldItem = Schemas["FieldItem"];
export type FieldWork = Schemas["FieldWork"];
export type Point = FieldWork["points"][number];

export const work = shallowRef<FieldWork | null>(null);
export const asking = ref(false);
export const trouble = ref("");

export async function recall(): Promise<void> {
  work.value ??= (await box.get<FieldWork>("kept", "work")) ?? null;
}

let soon = 0;
/** Ask the city what there is to do; without a line what was taken along stays. */
export async function refresh(): Promise<void> {
  window.clearTimeout(soon);
  soon = 0;
  if (asking.value) return;
  asking.value = true;
  try {
    const told = await api.get<FieldWork>("/api/field/work");
    setServerTime(told.at);
    work.value = told;
    trouble.value = "";
    await box.put("kept", "work", told);
    await lockBy(told.lock_at);
    await loadCity().then(keepCity, () => undefined);
  } catch (reason) {
    const problem = reason instanceof Problem ? reason : null;
    trouble.value = problem?.offline ? "" : problem ? [problem.detail || problem.title, problem.remedy].filter(Boolean).join(" ") : String(reason);
    await lockWhenDue();
  } finally {
    asking.value = false;
  }
}

/** Several things move at once: ask once, a moment later. */
export function refreshSoon(ms = 1500): void {
  soon ||= window.setTimeout(() => void refresh(), ms);
}

export function follow(): void {
  listen((kind, data) => {
    if (kind === "hello") return refreshSoon(200);
    if (kind === "withdrawn") refreshSoon(200);
    if (kind === "case" && data && (data as CaseItem).case) refreshSoon();
  });
}

const AFTER: Record<string, string> = { accept: "accepted", handle: "handling", feed_back: "done", return: "returned" };

export interface Shown {
  item: FieldItem;
  /** this account's orders, as they will be when what waits is sent */
  orders: Order[];
  /** steps that can be done now */
  steps: string[];
  pending: number;
  refused: boolean;
}

function shown(item: FieldItem): Shown {
  const since = own.value.filter((one) => one.case === item.case.case && one.state !== "sent");
  const steps = since.filter((one) => one.kind === "step");
  const orders = item.case.orders.filter((one) => item.mine.includes(one.order)).map((order) => {
    const last = steps.filter((one) => one.data?.order === order.order && AFTER[one.step ?? ""]).at(-1);
    return last ? { ...order, state: AFTER[last.step!]! } : order;
  });
  const offered = new Set(item.case.actions.map((one) => one.step));
  const done = new Set(steps.map((one) => one.step));
  const states = new Set(orders.map((one) => one.state));
  const can: string[] = [];
  if (states.has("sent")) can.push("accept");
  if (states.has("accepted") || states.has("handling")) can.push("feed_back");
  if (states.has("accepted")) can.push("handle");
  for (const step of ["verify", "check", "arrive"]) if (offered.has(step) && !done.has(step)) can.push(step);
  if (["sent", "accepted", "handling"].some((one) => states.has(one))) can.push("return");
  for (const step of ["whistle", "note"]) if (offered.has(step)) can.push(step);
  return { item, orders, steps: can, pending: since.length, refused: since.some((one) => one.state === "refused") };
}

export const list = computed(() => (work.value?.items ?? []).map(shown));
export const find = (name: string): Shown | undefined => list.value.find((one) => one.item.case.case === name);

/** The order a step is about: this account's first that is in a state for it. */
export function orderFor(of: Shown, step: string): Order | undefined {
  const fits: Record<string, string[]> = { accept: ["sent"], handle: ["accepted"], feed_back: ["accepted", "handling"], return: ["sent", "accepted", "handling"] };
  return of.orders.find((one) => fits[step]?.includes(one.state));
}

/** The nearest limit of what this account has to do there. */
export function clockOf(of: Shown): { due: string | null; warns: string | null; left: Order["remaining"] } {
  const open = of.orders.filter((one) => one.due && ["sent", "accepted", "handling"].includes(one.state)).sort((a, b) => (a.due! < b.due! ? -1 : 1))[0];
  if (open) return { due: open.due, warns: open.warns_at, left: open.remaining };
  const here = of.item.case.deadlines.filter((one) => one.due).sort((a, b) => (a.due! < b.due! ? -1 : 1))[0];
  return { due: here?.due ?? of.item.case.due, warns: here ? here.warns_at : of.item.case.warns_at, left: here?.remaining ?? null };
}
