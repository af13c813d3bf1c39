// The theme of a page: the hall is always dark; desk and admin follow the person's choice, and the
// field its own, which begins with the sun.
import { ref, watchEffect } from "vue";

export type Theme = "hall" | "night" | "day" | "sun";
const KEPT = "tianmu.theme";
const kept = localStorage.getItem(KEPT);

export const chosen = ref<"night" | "day">(kept === "day" ? "day" : "night");
export const inHall = ref(false);
const KEPT_FIELD = "tianmu.field.theme";
export const inField = ref(false);
export const outside = ref<"night" | "sun">(localStorage.getItem(KEPT_FIELD) === "night" ? "night" : "sun");

export function swapOutside(): void {
  outside.value = outside.value === "sun" ? "night" : "sun";
  localStorage.setItem(KEPT_FIELD, outside.value);
}

export function swap(): void {
  chosen.value = chosen.value === "day" ? "night" : "day";
  localStorage.setItem(KEPT, chosen.value);
}

watchEffect(() => {
  document.documentElement.dataset.theme = inHall.value ? "hall" : inField.value ? outside.value : chosen.value;
});
