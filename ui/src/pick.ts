// A row of a table that opens something: what a click does, Tab and Enter do too.
import type { Directive } from "vue";

function onKey(event: KeyboardEvent): void {
  if (event.target !== event.currentTarget || !["Enter", " "].includes(event.key)) return;
  event.preventDefault();
  event.stopPropagation();
  (event.currentTarget as HTMLElement).click();
}

/** `v-pick` beside `@click`; `v-pick="false"` where there is nothing to open. */
export const pick: Directive<HTMLElement, boolean | undefined> = {
  mounted(row, { value }) {
    if (value !== false) row.tabIndex = 0;
    row.addEventListener("keydown", onKey);
  },
  // what a report became comes later
  updated(row, { value, oldValue }) {
    if (value === oldValue) return;
    if (value === false) row.removeAttribute("tabindex");
    else row.tabIndex = 0;
  },
};
