// Several cases put into the chosen one in one deed, and taken out again in one: all of them or none.
import { api } from "@/api/client";
import { done, failed } from "@/toast";
import { w } from "@/words";
import type { CaseItem } from "@/api/types";

/** the deed's name among those on many cases; it is no step of a case */
export const MERGE = "merge";

/** Merges, and gives how it is taken back; nothing where it was refused, which has been said then. */
export async function mergeInto(into: string, cases: CaseItem[], reason: string): Promise<(() => Promise<void>) | null> {
  const seen = (one: CaseItem) => ({ case: one.case, version: one.version });
  const target = cases.find((one) => one.case === into);
  const others = cases.filter((one) => one.case !== into);
  if (!target) return null;
  try {
    const merged = await api.deed<CaseItem>("/api/case-merges", { into: seen(target), cases: others.map(seen), reason });
    return () => undo(merged, others);
  } catch (problem) {
    failed(problem);
    return null;
  }
}

async function undo(merged: CaseItem, others: CaseItem[]): Promise<void> {
  const into = { case: merged.case, version: merged.version };
  try {
    await api.deed("/api/case-merges/undo", { into, cases: others.map((one) => ({ case: one.case })), reason: w.value.state.undo });
    done(w.value.duty.bulk.undone(others.length, others.length));
  } catch (problem) {
    failed(problem);
  }
}
