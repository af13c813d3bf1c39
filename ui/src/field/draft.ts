// What is being written stays when the page is reloaded, updated or killed.
import { onBeforeUnmount, onMounted, ref, toRaw, watch, type Ref } from "vue";
import * as box from "./box";

/** `state` as it was left under `key`; kept at every change until `clear`. */
export function useDraft<T extends object>(key: string, state: Ref<T>): { loaded: Ref<boolean>; clear: () => Promise<void> } {
  const loaded = ref(false);
  let timer = 0;
  let over = false;
  const keep = (): void => {
    window.clearTimeout(timer);
    timer = 0;
    if (!over && loaded.value) void box.put("drafts", key, plain(state.value));
  };
  onMounted(async () => {
    const held = await box.get<T>("drafts", key).catch(() => undefined);
    if (held) state.value = { ...state.value, ...held };
    loaded.value = true;
  });
  const files = (): number => ((state.value as { taken?: unknown[] }).taken ?? []).length;
  let held = 0;
  watch(state, () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(keep, 250);
    if (files() !== held) keep(); // a photo cannot be typed again
    held = files();
  }, { deep: true });
  const hidden = (): void => void (document.hidden && timer && keep());
  document.addEventListener("visibilitychange", hidden);
  onBeforeUnmount(() => {
    if (timer) keep();
    document.removeEventListener("visibilitychange", hidden);
  });
  return {
    loaded,
    async clear() {
      over = true;
      window.clearTimeout(timer);
      await box.remove("drafts", key);
      window.setTimeout(() => (over = false), 0);
    },
  };
}

/** A copy that can be stored: no proxies, files as they are. */
function plain(value: unknown): unknown {
  const raw = toRaw(value);
  if (raw instanceof Blob || raw === null || typeof raw !== "object") return raw;
  if (Array.isArray(raw)) return raw.map(plain);
  return Object.fromEntries(Object.entries(raw).map(([key, one]) => [key, plain(one)]));
}
