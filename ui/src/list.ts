// A list of the server's, page by page, with the states a page must show.
import { onBeforeUnmount, ref, shallowRef, type Ref } from "vue";
import { api, Problem, type Query } from "@/api/client";
import type { Page } from "@/api/types";

export interface List<T> {
  items: Ref<T[]>;
  total: Ref<number | null>;
  next: Ref<string | null>;
  loading: Ref<boolean>;
  fault: Ref<Problem | null>;
  load: () => Promise<void>;
  more: () => Promise<void>;
}

export function asProblem(reason: unknown): Problem {
  return reason instanceof Problem ? reason : new Problem(0, { title: String(reason) });
}

/** `where()` and `query()` are read at each load; an answer that is no longer wanted is dropped. */
export function useList<T>(where: () => string, query: () => Query = () => ({})): List<T> {
  const items = shallowRef<T[]>([]);
  const total = ref<number | null>(null);
  const next = ref<string | null>(null);
  const loading = ref(true);
  const fault = shallowRef<Problem | null>(null);
  let turn = 0;

  async function take(cursor: string | null): Promise<void> {
    const mine = ++turn;
    if (!items.value.length) loading.value = true;
    try {
      const page = await api.get<Page<T> | T[]>(where(), { limit: 100, ...query(), cursor });
      if (mine !== turn) return;
      const found = Array.isArray(page) ? page : (page.items ?? []);
      items.value = cursor ? [...items.value, ...found] : found;
      next.value = Array.isArray(page) ? null : (page.next ?? null);
      total.value = Array.isArray(page) ? page.length : (page.total ?? null);
      fault.value = null;
    } catch (reason) {
      if (mine === turn) fault.value = asProblem(reason);
    } finally {
      if (mine === turn) loading.value = false;
    }
  }
  onBeforeUnmount(() => (turn += 1));
  return {
    items, total, next, loading, fault,
    load: () => take(null),
    more: () => (next.value ? take(next.value) : Promise.resolve()),
  };
}

/** One thing of the server's, with its states. */
export function useOne<T>(where: () => string): { value: Ref<T | null>; loading: Ref<boolean>; fault: Ref<Problem | null>; load: () => Promise<void> } {
  const value = shallowRef<T | null>(null);
  const loading = ref(true);
  const fault = shallowRef<Problem | null>(null);
  let turn = 0;
  async function load(): Promise<void> {
    const mine = ++turn;
    const asked = where();
    try {
      const found = await api.get<T>(asked);
      if (mine !== turn) return;
      value.value = found;
      fault.value = null;
    } catch (reason) {
      if (mine === turn) fault.value = asProblem(reason);
    } finally {
      if (mine === turn) loading.value = false;
    }
  }
  onBeforeUnmount(() => (turn += 1));
  return { value, loading, fault, load };
}
