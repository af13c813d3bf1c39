// How many whole rows a list of the wall has room for: half a row at its foot is noise, and what does
// not fit is counted beside it.
import { onBeforeUnmount, onMounted, ref, type Ref } from "vue";

/** `high`: the least height of a row, rem; `began`: what is taken before it was measured. */
export function useRows(list: Ref<HTMLElement | undefined>, high: number, began: number): Ref<number> {
  const rows = ref(began);
  const measure = (): void => {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    rows.value = Math.max(1, Math.floor((list.value?.clientHeight ?? 0) / (high * rem) + 0.01));
  };
  let watcher: ResizeObserver | null = null;
  onMounted(() => {
    watcher = new ResizeObserver(measure);
    if (list.value) watcher.observe(list.value);
    measure();
  });
  onBeforeUnmount(() => watcher?.disconnect());
  return rows;
}
