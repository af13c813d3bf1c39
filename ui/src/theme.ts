// The theme of a page: the hall is always dark; desk and admin follow the person's choice.
import { ref, watchEffect } from "vue";

export type Theme = "hall" | "night" | "day";
const KEPT = "tianmu.theme";
const kept = localStorage.getItem(KEPT);

export const chosen = ref<"night" | "day">(kept === "day" ? "day" : "night");
export const inHall = ref(false);

export function swap(): void {
  chosen.value = chosen.value === "day" ? "night" : "day";
  localStorage.setItem(KEPT, chosen.value);
}

watchEffect(() => {
  document.documentElement.dataset.theme = inHall.value ? "hall" : chosen.value;
});
