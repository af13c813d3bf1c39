// Short words at the foot of the screen after a deed: done (with undo, where there is one) or not.
import { ref, shallowReactive } from "vue";
import { Problem } from "@/api/client";
import { w } from "@/words";

export interface Toast {
  id: number;
  text: string;
  detail?: string;
  bad: boolean;
  undo?: () => void | Promise<void>;
}

export const toasts = shallowReactive<Toast[]>([]);
let next = 1;
/** the key by which the page that is open takes back the newest deed; none on a page without keys */
export const undoKey = ref("");
/** they stay while somebody points at one or has come to one by Tab: who reads slowly can still press it */
export const held = ref(false);

export function dismiss(id: number): void {
  const at = toasts.findIndex((t) => t.id === id);
  if (at >= 0) toasts.splice(at, 1);
}

export async function takeBack(toast = toasts.findLast((one) => one.undo)): Promise<void> {
  if (!toast) return;
  dismiss(toast.id);
  await toast.undo?.();
}

function show(toast: Omit<Toast, "id">, seconds: number): void {
  const id = next++;
  toasts.push({ ...toast, id });
  while (toasts.length > 4) toasts.shift();
  const end = (): void => void (held.value ? window.setTimeout(end, 1000) : dismiss(id));
  window.setTimeout(end, seconds * 1000);
}

export function done(text: string, undo?: () => void | Promise<void>): void {
  show({ text, bad: false, undo }, undo ? 12 : 4);
}

export function failed(problem: unknown): void {
  if (problem instanceof Problem) {
    const text = problem.offline ? w.value.state.offline : problem.changed ? w.value.state.conflict : w.value.state.refused;
    const detail = problem.changed ? w.value.state.conflictText : [problem.detail || problem.title, problem.remedy].filter(Boolean).join(" – ");
    show({ text, detail, bad: true }, 12);
  } else {
    show({ text: w.value.state.failed, detail: String(problem), bad: true }, 12);
  }
}
