// Who is being called for what: the ladders that wait for an answer, kept fresh while a page shows them.
import { computed, onBeforeUnmount, onMounted, shallowRef, watch } from "vue";
import { api, path } from "@/api/client";
import { heard } from "@/live";
import { may } from "@/session";
import { done, failed } from "@/toast";
import { w } from "@/words";
import type { Contact, Page } from "@/api/types";

/** ms after which it is asked again though no push said so */
const AGAIN = 15_000;
const SOON = 300;

export const contacts = shallowRef<Contact[]>([]);
/** those that look for this account */
export const mine = computed(() => contacts.value.filter((one) => one.mine));
/** what one key answers: first who looks for me, then what found nobody, then the others */
export const first = computed(() => contacts.value[0] ?? null);

let soon = 0;
let looking = 0;
/** answered here: gone at once, so that a second press answers the next one and not this again */
const answered = new Set<string>();
const key = (one: Contact): string => `${one.case}/${one.contact}`;

async function load(): Promise<void> {
  window.clearTimeout(soon);
  soon = 0;
  try {
    const told = (await api.get<Page<Contact>>("/api/contacts")).items;
    contacts.value = told.filter((one) => one.may && !answered.has(key(one)));
  } catch {
    // the link's own sign says that the server is away; the next look is soon
  }
}

export async function answer(one: Contact): Promise<boolean> {
  answered.add(key(one));
  contacts.value = contacts.value.filter((held) => key(held) !== key(one));
  try {
    await api.post(`${path`/api/cases/${one.case}/contacts/${one.contact}`}/answer`, {});
    done(w.value.shift.answeredToast);
    return true;
  } catch (problem) {
    failed(problem);
    answered.delete(key(one));
    void load();
    return false;
  }
}

/** Whoever was called has answered by phone: an operator says it, so that nobody else is called. */
export async function phoned(one: Contact, account: string): Promise<boolean> {
  try {
    await api.post(`${path`/api/cases/${one.case}/contacts/${one.contact}`}/phoned`, { account });
    done(w.value.shift.answeredToast);
    void load();
    return true;
  } catch (problem) {
    failed(problem);
    return false;
  }
}

/** Keep them fresh as long as the component lives; several may at once. */
export function useContacts(): void {
  if (!may("contact.answer")) return;
  let timer = 0;
  watch(() => heard.contact, () => (soon ||= window.setTimeout(() => void load(), SOON)));
  onMounted(() => {
    looking += 1;
    void load();
    timer = window.setInterval(() => void load(), AGAIN);
  });
  onBeforeUnmount(() => {
    window.clearInterval(timer);
    looking -= 1;
    if (!looking) contacts.value = [];
  });
}
