// The words on the screen, in the languages the city speaks. Chinese is the first.
import { computed, ref, watchEffect } from "vue";
import type { Text } from "@/api/types";
import { en } from "./en";
import { zh } from "./zh";

export type Words = typeof zh;
export type Language = "zh" | "en";

const books: Record<Language, Words> = { zh, en };
/** A cookie: it outlives signing out, which wipes all that pages keep, and by it the server answers in
 * the language of the page, wherever the browser asks from. */
const COOKIE = "tianmu_language";
const YEAR = 31_536_000;

function isLanguage(tag: unknown): tag is Language {
  return tag === "zh" || tag === "en";
}

function kept(): Language | undefined {
  const tag = document.cookie.split("; ").find((one) => one.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
  return isLanguage(tag) ? tag : undefined;
}

function keep(tag: Language, seconds?: number): void {
  document.cookie = `${COOKIE}=${tag}; Path=/; SameSite=Lax${seconds ? `; Max-Age=${seconds}` : ""}`;
}

/** What was chosen here, else the first of the browser's that we speak. */
const known = kept() ?? navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage);
export const language = ref<Language>(known ?? "zh");

/** The words of the chosen language. */
export const w = computed<Words>(() => books[language.value]);

export function chooseLanguage(tag: Language): void {
  language.value = tag;
  keep(tag, YEAR);
}

/** What the account or the city prefers, where the browser speaks none of ours. */
export function suggestLanguage(...tags: (string | null | undefined)[]): void {
  if (known || kept()) return;
  const tag = tags.find(isLanguage);
  if (!tag) return;
  language.value = tag;
  keep(tag);
}

/** `text` in the chosen language, else in any that it has. */
export function say(text: Text | string | null | undefined): string {
  if (!text) return "";
  if (typeof text === "string") return text;
  return text[language.value] || text.zh || text.en || Object.values(text)[0] || "";
}

/** The language tag of words that are not in the page's language, as far as their letters tell. */
export function tongue(words: string): string | undefined {
  return language.value !== "zh" && /\p{Script=Han}/u.test(words) ? "zh-CN" : undefined;
}

const BOTH = /^(\P{Script=Latin}*\p{Script=Han}\P{Script=Latin}*) (\p{Script=Latin}\P{Script=Han}*)$/u;

/** What an account is called: of a name written in both languages, "值班员 Duty officer", the half in the
 * page's; another as it is. */
export function called(whole: string | null | undefined): string {
  const halves = BOTH.exec(whole ?? "");
  return halves ? (halves[language.value === "zh" ? 1 : 2] ?? "") : (whole ?? "");
}

/** Things one after another: "甲、乙", "a, b". */
export function listed(words: readonly string[]): string {
  return words.join(language.value === "zh" ? "、" : ", ");
}

/** What a figure or a sentence is of: "现场情况：请填写", "Result: is needed". */
export function labelled(label: string, said: string | number): string {
  return label + (language.value === "zh" ? "：" : ": ") + said;
}

/** The word for a code of the server's, or the code itself where no word is known. */
export function name(book: Record<string, string>, code: string | null | undefined): string {
  return code ? (book[code] ?? code) : "";
}

watchEffect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});
