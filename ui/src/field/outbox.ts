// The deeds of this phone as the page shows them, and adding to them.
import { computed, ref, shallowRef } from "vue";
import { session } from "@/session";
import { newKey } from "@/unique";
import * as box from "./box";
import type { Deed, FileTold, Links } from "./deed";
import { moved, onMoved, sendAll, type Outcome } from "./send";

export const deeds = shallowRef<Deed[]>([]);
export const outcome = ref<Outcome>("idle");
export const online = ref(navigator.onLine);

const mine = (one: Deed): boolean => one.account === session.value?.account;
export const own = computed(() => deeds.value.filter(mine));
export const waiting = computed(() => own.value.filter((one) => one.state === "waiting"));
export const refused = computed(() => own.value.filter((one) => one.state === "refused"));
/** deeds that others left unsent on this phone */
export const others = computed(() => deeds.value.filter((one) => !mine(one) && one.state !== "sent"));

export async function reload(): Promise<void> {
  deeds.value = await box.all<Deed>("deeds");
}

export type NewDeed = Omit<Deed, "number" | "id" | "account" | "state" | "tries" | "next" | "at"> & { content?: Blob; id?: string };

/** Keep deeds and their files in one commit, in this order, and begin to send. */
export async function add(fresh: NewDeed[]): Promise<void> {
  const at = Date.now();
  const account = session.value?.account ?? "";
  await box.within(["deeds", "files"], "readwrite", (of) => {
    for (const { content, ...one } of fresh) {
      // a copy: what the page watches cannot be stored
      const plain = JSON.parse(JSON.stringify(one)) as typeof one;
      const deed: Deed = { ...plain, id: one.id ?? newKey(), account, at, state: "waiting", tries: 0, next: 0 };
      of("deeds").add(deed);
      if (content) of("files").put(content, deed.id);
    }
  });
  moved();
  void kick();
  void later();
}

/** Where the browser can, it sends what is left when there is a line and the page is closed. */
async function later(): Promise<void> {
  const ready = await navigator.serviceWorker?.getRegistration("/field");
  const sync = (ready as unknown as { sync?: { register(tag: string): Promise<void> } } | undefined)?.sync;
  await sync?.register("outbox").catch(() => undefined);
}

let timer = 0;
let running = false;
let again = false;

/** Try now; afterwards when the next deed is due. */
export async function kick(now = false): Promise<void> {
  if (running) {
    again = true;
    return;
  }
  running = true;
  window.clearTimeout(timer);
  try {
    outcome.value = await sendAll(now);
  } catch (reason) {
    console.error("outbox:", reason);
  } finally {
    running = false;
  }
  await reload();
  if (again) {
    again = false;
    void kick();
    return;
  }
  const first = Math.min(...waiting.value.map((one) => one.next));
  if (Number.isFinite(first) && outcome.value !== "signin") timer = window.setTimeout(() => void kick(), Math.max(navigator.onLine ? 500 : 30_000, first - Date.now()));
}

/** Send a refused deed again, on the case as it is now. */
export async function insist(deed: Deed, version: number): Promise<void> {
  await box.within(["deeds", "kept"], "readwrite", (of) => {
    of("kept").delete(`links/${deed.case}`);
    const rest = of("deeds").openCursor();
    rest.onsuccess = (): void => {
      const here = rest.result;
      if (!here) return;
      const one = here.value as Deed;
      if (one.chain === deed.chain && one.state !== "sent") here.update({ ...one, seen: version, ...(one.id === deed.id ? { state: "waiting", why: undefined, next: 0, tries: 0 } : {}) });
      here.continue();
    };
  });
  moved();
  await kick();
}

/** Throw a refused deed away, and what was done after it on the same case. */
export async function drop(deed: Deed): Promise<void> {
  const gone = deeds.value.filter((one) => one.chain === deed.chain && one.state !== "sent" && one.number! >= deed.number!);
  await box.within(["deeds", "files"], "readwrite", (of) => {
    for (const one of gone) {
      of("deeds").delete(one.number!);
      of("files").delete(one.id);
    }
  });
  moved();
  await kick();
}

/** Throw one refused photo or voice away; what comes after it on the case goes on. */
export async function dropOne(deed: Deed): Promise<void> {
  await box.within(["deeds", "files"], "readwrite", (of) => {
    of("deeds").delete(deed.number!);
    of("files").delete(deed.id);
  });
  moved();
  await kick();
}

export async function linksOf(name: string): Promise<Links | undefined> {
  return box.get<Links>("kept", `links/${name}`);
}

/** SHA-256 of a file, by which the city names it. */
export async function digestOf(content: Blob): Promise<string> {
  const sum = await crypto.subtle.digest("SHA-256", await content.arrayBuffer());
  return [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export interface Taken {
  id: string;
  told: FileTold;
  content: Blob;
}

let begun = false;
/** Begin to watch line and deeds; a second call changes nothing. */
export function begin(): void {
  if (begun) return;
  begun = true;
  onMoved(() => void reload());
  window.addEventListener("online", () => {
    online.value = true;
    void kick(true);
  });
  window.addEventListener("offline", () => (online.value = false));
  document.addEventListener("visibilitychange", () => document.hidden || void kick(true));
  void reload().then(() => kick(true));
}
