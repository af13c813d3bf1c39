// What a person does to cases and alarms: asks for what the step needs, sends it, says how it went.
import { api, path, Problem } from "@/api/client";
import { ask, type Want } from "@/ask";
import { alarms, city, levels, tell, unacknowledged } from "@/live";
import { departmentName } from "@/names";
import { may, session } from "@/session";
import { done, failed } from "@/toast";
import { labelled, name, say, w } from "@/words";
import type { Action, Alarm, CaseDetail, CaseEvent, Order, MatterProposed } from "@/api/types";

export const ALARM_VERBS = ["acknowledge", "shelve", "unshelve", "reset", "suppress", "unsuppress", "remove_from_service", "return_to_service"] as const;
export type AlarmVerb = (typeof ALARM_VERBS)[number];
const PERMISSION: Record<AlarmVerb, string> = {
  acknowledge: "alarm.acknowledge", reset: "alarm.acknowledge", shelve: "alarm.shelve", unshelve: "alarm.shelve",
  suppress: "alarm.service", unsuppress: "alarm.service", remove_from_service: "alarm.service", return_to_service: "alarm.service",
};
const REASONED = new Set<AlarmVerb>(["shelve", "suppress", "remove_from_service"]);
const UNDO: Partial<Record<AlarmVerb, AlarmVerb>> = { shelve: "unshelve", suppress: "unsuppress", remove_from_service: "return_to_service" };

/** What this account may do to the alarm in its state, the likeliest first. */
export function alarmVerbs(alarm: Alarm): AlarmVerb[] {
  return ALARM_VERBS.filter((verb) => may(PERMISSION[verb]) && (alarm.actions ?? []).includes(verb));
}

async function send(alarm: string, verb: AlarmVerb, body: Record<string, unknown>): Promise<void> {
  await api.post(`${path`/api/alarms/${alarm}`}/${verb}`, body);
}

export async function doAlarm(alarm: Alarm, verb: AlarmVerb): Promise<boolean> {
  const body: Record<string, unknown> = { reason: "" };
  if (REASONED.has(verb)) {
    const wants: Want[] = [];
    if (verb === "shelve") {
      wants.push({ key: "minutes", label: w.value.desk.shelveFor, kind: "choice", initial: "30", choices: [15, 30, 60, 240, 480].map((n) => ({ value: String(n), label: w.value.desk.minutes(n) })) });
    }
    wants.push({ key: "reason", label: w.value.act.reason, kind: "area", hint: w.value.act.reasonHint });
    const answer = await ask({ title: w.value.desk[verb], text: say(alarm.text), confirm: w.value.desk[verb], wants });
    if (!answer) return false;
    body.reason = answer.reason;
    if (answer.minutes) body.minutes = Number(answer.minutes);
  }
  try {
    await send(alarm.alarm, verb, body);
    const back = UNDO[verb];
    done(`${w.value.desk[verb]} · ${say(alarm.text)}`, back ? () => send(alarm.alarm, back, { reason: w.value.state.undo }).then(() => done(w.value.desk.undoDone), failed) : undefined);
    return true;
  } catch (problem) {
    failed(problem);
    return false;
  }
}

/** Acknowledge all of these; one word at the end instead of one for each. */
export async function acknowledgeAll(list: Alarm[]): Promise<void> {
  const open = list.filter((a) => unacknowledged(a));
  const results = await Promise.allSettled(open.map((a) => send(a.alarm, "acknowledge", { reason: "" })));
  const bad = results.find((r) => r.status === "rejected");
  if (bad) failed(bad.reason);
  else done(`${w.value.desk.acknowledge} · ${open.length}`);
}

/** ms for which a dialog waits for what it could propose */
const SOON = 1500;
const SITUATION = new Set(["dead", "injured", "trapped", "loss", "area_ha"]);

const words = (code: string): string => name(w.value.needs, code);

function orderChoices(orders: Order[], possible: string[]): { value: string; label: string }[] {
  return orders.filter((o) => possible.includes(o.order)).map((o) => ({ value: o.order, label: `${say(o.unit_name) || departmentName(o.unit)} · ${say(o.task)}` }));
}

/** All matters; first those that the words may speak of, where nobody has said which it is. */
function matterChoices(likely: string[]): { value: string; label: string }[] {
  const all = city.value?.matters ?? [];
  const first = likely.flatMap((key) => all.filter((m) => m.key === key));
  return [
    ...first.map((m) => ({ value: m.key, label: labelled(w.value.call.matterLikely, `${m.code} ${say(m.name)}`) })),
    ...all.filter((m) => !likely.includes(m.key)).map((m) => ({ value: m.key, label: `${m.code} ${say(m.name)}` })),
  ];
}

/** Matters that what was told may speak of; none where one is known, or where no answer comes soon. */
async function likelyMatters(action: Action, held: CaseDetail): Promise<string[]> {
  const wanted = action.needs.some((need) => need.replace("?", "") === "matter");
  if (!wanted || held.matter || !held.text) return [];
  const found = await api.ask<MatterProposed[]>("/api/reports/matters", { text: held.text }, AbortSignal.timeout(SOON)).catch(() => []);
  return found.map((one) => one.matter);
}

/** The last "not ours" of a case that waits for a ruling: who says so, whose they say it is, and why. */
const disputeOf = (action: Action, held: CaseDetail): CaseEvent | undefined => (action.step === "rule" ? held.events.filter((one) => one.step === "dispute").at(-1) : undefined);
function named(action: Action, held: CaseDetail): string | undefined {
  const whose = disputeOf(action, held)?.data.whose;
  return (typeof whose === "string" && whose) || held.owner || undefined;
}
function aboutOf(action: Action, held: CaseDetail): string {
  const dispute = disputeOf(action, held);
  return [`${held.number} · ${say(held.title)}`, ...(dispute ? [say(dispute.text)] : [])].join("\n");
}

/** The fields of a step's dialog, from the names of the data it needs; `?` marks optional ones. */
export function wantsOf(action: Action, held: CaseDetail, likely: string[] = []): Want[] {
  const wants: Want[] = [];
  let reasoned = false;
  for (const need of action.needs) {
    const optional = need.endsWith("?");
    const key = need.replace("?", "");
    const label = words(key);
    if (key === "reason") reasoned = !optional;
    else if (key === "level") wants.push({ key, label, kind: "choice", initial: held.advised || held.level, choices: [...levels.value.values()].map((l) => ({ value: l.name, label: say(l.text) })) });
    else if (key === "department" || key === "departments") {
      const choices = (city.value?.departments ?? []).map((d) => ({ value: d.code, label: say(d.name) }));
      wants.push({ key, label, kind: "select", initial: key === "department" ? named(action, held) : undefined, optional, choices: optional ? [{ value: "", label: "–" }, ...choices] : choices });
    } else if (key === "matter") wants.push({ key, label, kind: "select", optional, initial: held.matter, choices: [{ value: "", label: "–" }, ...matterChoices(likely)] });
    else if (key === "division") wants.push({ key, label, kind: "select", optional, initial: held.division, choices: [{ value: "", label: "–" }, ...(city.value?.divisions ?? []).map((d) => ({ value: d.code, label: say(d.name) }))] });
    else if (key === "order") {
      const choices = orderChoices(held.orders, action.orders ?? []);
      if (choices.length > 1 || (choices.length && !optional)) wants.push({ key, label, kind: "select", optional, choices });
    } else if (key === "result" && (action.step === "check" || action.step === "review")) wants.push({ key, label, kind: "choice", initial: "pass", choices: [{ value: "pass", label: w.value.needs.pass ?? "" }, { value: "fail", label: w.value.needs.fail ?? "" }] });
    else if (key === "result" || key === "text") wants.push({ key, label, kind: "area", optional });
    else if (key === "score") wants.push({ key, label, kind: "choice", initial: "5", choices: [5, 4, 3, 2, 1].map((n) => ({ value: String(n), label: String(n) })) });
    else if (key === "limit") {
      wants.push({ key: "limit.value", label, kind: "number", optional });
      wants.push({ key: "limit.unit", label: words("limit.unit"), kind: "choice", initial: "work_hour", optional, choices: ["urgent_hour", "work_hour", "work_day"].map((u) => ({ value: u, label: w.value.units[u] ?? u })) });
    } else if (key === "task") wants.push({ key, label, kind: "text", optional });
    else if (key === "standing") wants.push({ key, label, kind: "choice", optional, initial: "", choices: ["", "division", "city"].map((k) => ({ value: k, label: words(`standing.${k}`) })) });
    else if (SITUATION.has(key)) wants.push({ key, label, kind: "number", optional });
    // joint, lead, standard, evidence: left to the pack's default and to the evidence panel
  }
  if (action.step !== "note") wants.push({ key: "reason", label: w.value.act.reason, kind: "area", optional: !reasoned, hint: w.value.act.reasonHint });
  return wants;
}

function dataOf(answer: Record<string, string>): { reason: string; data: Record<string, unknown> } {
  const data: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(answer)) {
    if (key === "reason" || value === "" || key === "limit.unit") continue;
    if (key === "limit.value") data.limit = { value: Number(value), unit: answer["limit.unit"] };
    else data[key] = key === "score" || SITUATION.has(key) ? Number(value) : key === "departments" ? [value] : value;
  }
  return { reason: answer.reason ?? "", data };
}

const RISKY = new Set(["void", "return", "cancel", "escalate"]);
const WRITTEN = new Set<Want["kind"]>(["text", "area"]);
/** account, case and step → what was written for it and did not get through: it is not written twice */
const unsent = new Map<string, Record<string, string>>();

/** Ask, send with the version that was seen, take the answer; on a conflict `reload` is called. */
export async function doCase(held: CaseDetail, action: Action, reload: () => Promise<void>): Promise<boolean> {
  const slot = [session.value?.account, held.case, action.step].join(" ");
  const kept = unsent.get(slot);
  unsent.delete(slot);
  const wants = wantsOf(action, held, await likelyMatters(action, held)).map((want) => (WRITTEN.has(want.kind) && kept?.[want.key] ? { ...want, initial: kept[want.key] } : want));
  const answer = await ask({ title: say(action.label), text: aboutOf(action, held), confirm: say(action.label), risk: RISKY.has(action.step), wants });
  if (!answer) return false;
  try {
    await api.deed(`${path`/api/cases/${held.case}`}/steps/${action.step}`, dataOf(answer), held.version);
    done(`${say(action.label)} · ${held.number}`);
    await reload();
    return true;
  } catch (problem) {
    unsent.set(slot, answer);
    failed(problem);
    if (problem instanceof Problem && problem.conflict) await reload();
    return false;
  }
}

/** Take a signal out of a case: the machine was wrong to put it there. */
export async function leave(held: CaseDetail, members: string[], reload: () => Promise<void>): Promise<void> {
  const answer = await ask({ title: w.value.desk.undoJoinTitle, text: `${held.number} · ${say(held.title)}`, confirm: w.value.desk.undoJoin, risk: true, wants: [{ key: "reason", label: w.value.act.reason, kind: "area", hint: w.value.act.reasonHint }] });
  if (!answer) return;
  try {
    await api.deed(`${path`/api/cases/${held.case}`}/split`, { members, reason: answer.reason }, held.version);
    done(w.value.desk.moved);
  } catch (problem) {
    failed(problem);
  }
  await reload();
}

/** Take back how a signal came into the case, at once: one that came with a merged case brings that whole case back. */
export async function undoJoin(held: CaseDetail, member: string, reload: () => Promise<void>): Promise<void> {
  try {
    await api.deed(`${path`/api/cases/${held.case}`}/undo`, { member, reason: w.value.desk.undoReason }, held.version);
    done(w.value.desk.moved);
  } catch (problem) {
    failed(problem);
  }
  await reload();
}

/** The other case is the same thing: put it into this one. */
export async function sameThing(held: CaseDetail, other: string, reload: () => Promise<void>): Promise<void> {
  try {
    await api.deed(`${path`/api/cases/${other}`}/merge`, { into: held.case, reason: w.value.desk.sameReason });
    done(w.value.desk.merged);
  } catch (problem) {
    failed(problem);
  }
  await reload();
}

export async function mergeInto(held: CaseDetail, others: { value: string; label: string }[], reload: () => Promise<void>): Promise<void> {
  const answer = await ask({ title: w.value.desk.mergeInto, text: `${held.number} · ${say(held.title)}`, confirm: w.value.desk.mergeInto, risk: true, wants: [{ key: "into", label: w.value.desk.mergeIntoLabel, kind: "select", choices: others }, { key: "reason", label: w.value.act.reason, kind: "area", hint: w.value.act.reasonHint }] });
  if (!answer?.into) return;
  try {
    await api.deed(`${path`/api/cases/${held.case}`}/merge`, { into: answer.into, reason: answer.reason }, held.version);
    done(w.value.desk.merged);
  } catch (problem) {
    failed(problem);
  }
  await reload();
}

/** The alarm as it is held now, or as it was given. */
export const present = (alarm: Alarm): Alarm => alarms.get(alarm.alarm) ?? alarm;
export { tell };
