// Which open cases may be the same as what is being told: asked of the server, which knows all that are open,
// when the typing rests. The joining itself is decided as the call is taken.
import { computed, onBeforeUnmount, ref, watch, type ComputedRef, type Ref } from "vue";
import { api } from "@/api/client";
import { heard } from "@/live";
import type { Alike, Telling } from "@/api/types";

/** ms that the typing rests before it is asked */
const REST = 350;
/** ms between two questions where only cases move */
const AGAIN = 5000;

/** `same`: the likeliest first; `looking`: an answer is waited for; `unseen`: none came, so that nothing is
 * known; `began`: enough was told to look for. */
export function useAlike(told: () => Telling): { same: Ref<Alike[]>; looking: Ref<boolean>; unseen: Ref<boolean>; began: ComputedRef<boolean> } {
  const same = ref<Alike[]>([]) as Ref<Alike[]>;
  const looking = ref(false);
  const unseen = ref(false);
  const asked = computed(() => JSON.stringify(told()));
  const began = computed(() => {
    const { text, matter, place } = told();
    return (text?.length ?? 0) > 1 || Boolean(matter || (place?.address?.length ?? 0) > 1) || place?.longitude != null;
  });
  let rests = 0;
  let waits: AbortController | null = null;
  async function look(): Promise<void> {
    waits?.abort();
    const own = (waits = new AbortController());
    try {
      same.value = await api.ask<Alike[]>("/api/reports/alike", JSON.parse(asked.value), own.signal);
      unseen.value = false;
    } catch {
      if (own.signal.aborted) return;
      same.value = [];
      unseen.value = true;
    }
    looking.value = false;
  }
  function soon(): void {
    window.clearTimeout(rests);
    waits?.abort(); // its answer would be of other words, and end the looking
    looking.value = began.value;
    if (began.value) rests = window.setTimeout(() => void look(), REST);
    else {
      same.value = [];
      unseen.value = false;
    }
  }
  watch(asked, soon, { immediate: true });
  // a case that came meanwhile may be it
  let later = 0;
  watch(() => heard.case, () => {
    later ||= window.setTimeout(() => {
      later = 0;
      if (began.value && !looking.value) void look();
    }, AGAIN);
  });
  onBeforeUnmount(() => {
    window.clearTimeout(rests);
    window.clearTimeout(later);
    waits?.abort();
  });
  return { same, looking, unseen, began };
}
