// Tables as cards, where the screen is too narrow for their columns: each cell is told what its column is
// called, and the style sheet writes it beside it.
import { onBeforeUnmount, onMounted, type Ref } from "vue";

/** as in the style sheet of the page */
const NARROW = "(max-width: 48rem)";

function tell(root: HTMLElement): void {
  for (const table of root.querySelectorAll<HTMLTableElement>("table.list")) {
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])].map((one) => one.textContent?.trim() ?? "");
    if (!heads.length) continue;
    for (const row of table.tBodies[0]?.rows ?? []) {
      let at = 0;
      for (const cell of row.cells) {
        const head = cell.colSpan > 1 ? "" : (heads[at] ?? "");
        at += cell.colSpan;
        if (head) cell.dataset.of = head;
        else delete cell.dataset.of;
      }
    }
  }
}

/** Keep the cells of all tables under `root` told, while the screen is narrow. */
export function useCards(root: Ref<HTMLElement | undefined>): void {
  const narrow = window.matchMedia(NARROW);
  let soon = 0;
  const look = (): void => {
    soon ||= window.requestAnimationFrame(() => {
      soon = 0;
      if (narrow.matches && root.value) tell(root.value);
    });
  };
  const watcher = new MutationObserver(look);
  onMounted(() => {
    if (root.value) watcher.observe(root.value, { childList: true, subtree: true, characterData: true });
    narrow.addEventListener("change", look);
    look();
  });
  onBeforeUnmount(() => {
    watcher.disconnect();
    narrow.removeEventListener("change", look);
    window.cancelAnimationFrame(soon);
  });
}
