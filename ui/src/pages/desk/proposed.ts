// Which matters what is being told may be about: asked of the server, which knows the words of the city, when the
// typing rests. A person chooses; what nobody chose stays open.
import { onBeforeUnmount, ref, watch, type Ref } from "vue";
import { api } from "@/api/client";
import type { MatterProposed } from "@/api/types";

/** ms that the typing rests before it is asked */
const REST = 350;

/** The likeliest first; none while nothing is asked, and where no answer came. */
export function useProposed(told: () => string): Ref<MatterProposed[]> {
  const proposed = ref<MatterProposed[]>([]);
  let rests = 0;
  let waits: AbortController | null = null;
  function stop(): void {
    window.clearTimeout(rests);
    waits?.abort();
  }
  async function look(text: string): Promise<void> {
    const own = (waits = new AbortController());
    const found = await api.ask<MatterProposed[]>("/api/reports/matters", { text }, own.signal).catch(() => []);
    if (!own.signal.aborted) proposed.value = found;
  }
  watch(told, (text) => {
    stop();
    if (text.length > 1) rests = window.setTimeout(() => void look(text), REST);
    else proposed.value = [];
  }, { immediate: true });
  onBeforeUnmount(stop);
  return proposed;
}
