// The keyboard of a page: single keys and two-key chords ("g c"), silent while somebody types.
import { onBeforeUnmount, onMounted } from "vue";

export type Keys = Record<string, (event: KeyboardEvent) => void>;

/** ms for the second key of a chord: long enough to read which number is meant */
const PAUSE = 2500;
/** what Enter presses by itself: whoever came there by Tab means it, and not the page's own Enter */
const PRESSED = "a[href], button, summary, [role=button], [tabindex='0']";

/** Escape first leaves the field that is typed in, and what was searched stays; only the next one is the page's. */
function leave(field: HTMLElement, event: KeyboardEvent): void {
  event.preventDefault(); // the browser would empty a search
  field.blur();
}

/** `began` hears the first key of a chord. */
export function useKeys(keys: () => Keys, began?: (first: string) => void): void {
  let first = "";
  let timer = 0;
  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    const ticking = target instanceof HTMLInputElement && target.type === "checkbox";
    const typing = (!ticking && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) || target.isContentEditable;
    if (document.querySelector("dialog[open]")) return;
    if (typing) {
      if (event.key === "Escape") leave(target, event);
      return;
    }
    if (event.key === "Enter" && target.closest(PRESSED)) return;
    const known = keys();
    const chord = first ? `${first} ${event.key}` : "";
    window.clearTimeout(timer);
    first = "";
    const deed = known[chord] ?? known[event.key];
    if (deed) {
      event.preventDefault();
      deed(event);
    } else if (Object.keys(known).some((k) => k.startsWith(`${event.key} `))) {
      first = event.key;
      began?.(first);
      timer = window.setTimeout(() => (first = ""), PAUSE);
    }
  }
  onMounted(() => window.addEventListener("keydown", onKey));
  onBeforeUnmount(() => {
    window.clearTimeout(timer);
    window.removeEventListener("keydown", onKey);
  });
}
