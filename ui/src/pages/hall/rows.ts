// How many rows of a wall's list are seen whole. Names are never cut off there, so a row is as high as its
// words; one that has no room stands in a column beyond the edge (`.fit` in HallPage) and is counted beside
// the list.
import { onBeforeUnmount, onMounted, onUpdated, ref, type Ref } from "vue";

/** `most`: how many rows are worth laying out; `fit`: how many of them are seen. `least`: the least height of a
 * row, rem; `began`: what is taken before anything was measured; `columns` of rows side by side. */
export function useFit(list: Ref<HTMLElement | undefined>, least: number, began: number, columns = (): number => 1): { most: Ref<number>; fit: Ref<number> } {
  const most = ref(began);
  const fit = ref(began);
  const measure = (): void => {
    const box = list.value?.getBoundingClientRect();
    if (!list.value || !box?.height) return;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    most.value = Math.max(1, Math.ceil(box.height / (least * rem))) * columns();
    const rows = [...list.value.children];
    const seen = rows.findIndex((row) => row.getBoundingClientRect().left > box.right - rem);
    fit.value = Math.max(1, seen < 0 ? rows.length : seen);
  };
  let watcher: ResizeObserver | null = null;
  onMounted(() => {
    watcher = new ResizeObserver(measure);
    if (list.value) watcher.observe(list.value);
    void document.fonts.ready.then(measure);
    measure();
  });
  onUpdated(measure);
  onBeforeUnmount(() => watcher?.disconnect());
  return { most, fit };
}
