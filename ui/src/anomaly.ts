// What a person says of anomaly detection: what an alarm was, what it missed.
import { api, path } from "@/api/client";
import { ask } from "@/ask";
import { done, failed } from "@/toast";
import { w } from "@/words";

/** code of the rule that its alarms name */
export const ANOMALY = "anomaly";

export async function judge(alarm: string, real: boolean): Promise<boolean> {
  try {
    await api.post(path`/api/alarms/${alarm}/found`, { real });
    done(`${real ? w.value.anomaly.real : w.value.anomaly.false} · ${w.value.anomaly.said}`);
    return true;
  } catch (problem) {
    failed(problem);
    return false;
  }
}

export async function reportMissed(device: string, property: string, words: string): Promise<void> {
  const answer = await ask({ title: w.value.anomaly.missedTitle, text: w.value.anomaly.missedText(words), confirm: w.value.anomaly.missed, wants: [{ key: "reason", label: w.value.anomaly.reason, kind: "area", optional: true }] });
  if (!answer) return;
  try {
    await api.post(path`/api/devices/${device}/missed`, { property, reason: answer.reason ?? "" });
    done(w.value.anomaly.said);
  } catch (problem) {
    failed(problem);
  }
}

/** "1,200": among so many usual values one is as unusual; empty where nobody has counted so far. */
export function odds(chance: number): string {
  return chance > 1e-9 ? Math.round(1 / chance).toLocaleString("en-US") : "";
}
