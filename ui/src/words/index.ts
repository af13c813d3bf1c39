// The words on the screen, in the languages the city speaks. Chinese is the first.
import { computed, ref, watchEffect } from "vue";
import type { Text } from "@/api/types";
import { en } from "./en";
import { zh } from "./zh";

export type Words = typeof zh;
export type Language = "zh" | "en";

const books: Record<Language, Words> = { zh, en };
const KEPT = "tianmu.language";

function isLanguage(tag: unknown): tag is Language {
  return tag === "zh" || tag === "en";
}

const kept = localStorage.getItem(KEPT);
export const language = ref<Language>(isLanguage(kept) ? kept : "zh");

/** The words of the chosen language. */
export const w = computed<Words>(() => books[language.value]);

export function chooseLanguage(tag: Language): void {
  language.value = tag;
  localStorage.setItem(KEPT, tag);
}

/** What the account or the city prefers, unless somebody chose here before. */
export function suggestLanguage(...tags: (string | null | undefined)[]): void {
  if (isLanguage(localStorage.getItem(KEPT))) return;
  const tag = tags.find(isLanguage);
  if (tag) language.value = tag;
}

/** `text` in the chosen language, else in any that it has. */
export function say(text: Text | string | null | undefined): string {
  if (!text) return "";
  if (typeof text === "string") return text;
  return text[language.value] || text.zh || text.en || Object.values(text)[0] || "";
}

/** The word for a code of the server's, or the code itself where no word is known. */
export function name(book: Record<string, string>, code: string | null | undefined): string {
  return code ? (book[code] ?? code) : "";
}

watchEffect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});
