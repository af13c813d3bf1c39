// What a person does to a hazard: asks for what the step needs, sends it, says how it went.
import { api, path } from "@/api/client";
import { ask, type Want } from "@/ask";
import { city } from "@/live";
import { done, failed } from "@/toast";
import { fromField } from "@/pages/warnings/draft";
import { newKey } from "@/unique";
import { say, w } from "@/words";
import type { HazardDetail, HazardKinds } from "@/api/types";

const REASONED = new Set(["assign", "grade", "reject", "extend", "void", "reopen"]);
const RISKY = new Set(["void", "reject"]);

export async function takeStep(held: HazardDetail, step: string, kinds: HazardKinds | null): Promise<HazardDetail | null> {
  const t = w.value.hazard;
  const wants: Want[] = [];
  if (step === "check") wants.push({ key: "result", label: t.result, kind: "choice", initial: "unchanged", choices: Object.entries(t.results).map(([value, label]) => ({ value, label })) });
  if (step === "grade") wants.push({ key: "grade", label: t.grade, kind: "choice", initial: held.hazard.grade, choices: (kinds?.grades ?? []).map((g) => ({ value: g.code, label: say(g.name) })) });
  if (step === "assign") wants.push({ key: "department", label: t.department, kind: "select", initial: held.hazard.department, choices: (city.value?.departments ?? []).map((d) => ({ value: d.code, label: say(d.name) })) });
  if (step === "measure") wants.push({ key: "measures", label: t.measures, kind: "area", initial: held.hazard.measures.join("\n"), optional: true });
  if (step === "extend") wants.push({ key: "day", label: t.dueDay, kind: "text", initial: (held.hazard.due ?? "").slice(0, 10) });
  if (REASONED.has(step)) wants.push({ key: "reason", label: t.reason, kind: "area" });
  else if (step !== "measure") wants.push({ key: "note", label: t.note, kind: "area", optional: true });
  const answer = await ask({ title: t.steps[step] ?? step, text: held.hazard.title, confirm: t.steps[step] ?? step, risk: RISKY.has(step), wants });
  if (!answer) return null;
  const body: Record<string, unknown> = { reason: answer.reason ?? "", note: answer.note ?? "" };
  for (const key of ["result", "grade", "department"]) if (answer[key]) body[key] = answer[key];
  if (step === "measure") body.measures = (answer.measures ?? "").split("\n").filter((line) => line.trim());
  if (answer.day) body.due = fromField(`${answer.day}T23:59`) ?? answer.day;
  try {
    const found = await api.post<HazardDetail>(`${path`/api/hazards/${held.hazard.hazard}`}/steps/${step}`, body, held.hazard.version, newKey());
    done(`${t.steps[step]} · ${held.hazard.title}`);
    return found;
  } catch (problem) {
    failed(problem);
    return null;
  }
}
