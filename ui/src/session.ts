// Who is signed in.
import { computed, ref } from "vue";
import { api, Problem } from "@/api/client";
import * as passkey from "@/passkey";
import { setServerTime } from "@/time";
import type { PasskeyAsked, SecondAsked, Session } from "@/api/types";

export const session = ref<Session | null>(null);
let asked = false;

/** The session of this browser, asked once; null when nobody is signed in. */
export async function whoami(again = false): Promise<Session | null> {
  if (asked && !again) return session.value;
  try {
    const told = await api.get<Session>("/api/session");
    setServerTime(told.at); // no page counts by this machine's clock before it hears the city's
    session.value = told;
    asked = true;
  } catch (fault) {
    if (!(fault instanceof Problem) || fault.status !== 401) throw fault;
    session.value = null;
    asked = true;
  }
  return session.value;
}

/** `code` stands for the old one where there is none. */
export async function setPassword(fresh: string, old: string, code = ""): Promise<void> {
  await api.post("/api/session/password", { new: fresh, old, code });
  await whoami(true);
}

/** Signed in: null; else what the second step needs. */
async function enter(where: string, body: unknown): Promise<SecondAsked | null> {
  const answer = await api.post<Session | SecondAsked>(where, body);
  if ("ticket" in answer) return answer;
  await whoami(true);
  return null;
}

export const signInWithPassword = (account: string, password: string): Promise<SecondAsked | null> => enter("/api/session", { account, password });

export const signInWithLink = (token: string): Promise<SecondAsked | null> => enter("/api/session/link", { token });

export async function signInSecond(ticket: string, way: string, code: string): Promise<void> {
  await enter("/api/session/second", { ticket, way, code });
}

/** `second`: the ticket of the sign-in it is the second step of. */
export async function signInWithPasskey(second = ""): Promise<void> {
  const asked = await api.post<PasskeyAsked>("/api/session/passkey/request");
  const credential = await passkey.get(asked.options);
  await enter("/api/session/passkey", { ticket: asked.ticket, credential, second });
}

export async function signInAsKiosk(token: string): Promise<void> {
  await api.post("/api/session/kiosk", { token });
  await whoami(true);
}

export async function signOut(): Promise<void> {
  await api.remove("/api/session");
  session.value = null;
}

export function forget(): void {
  session.value = null;
}

/** Whether this account may do what `permission` names; the server decides in any case. */
export function may(permission: string): boolean {
  const granted = session.value?.permissions ?? [];
  return granted.includes(permission);
}

/** Where an account starts: a wall on the hall, an administrator at admin, who handles orders in the
 * field if it is a phone, others at the desk. */
export const home = computed<string>(() => {
  const who = session.value;
  if (!who) return "/login";
  if (who.kiosk) return "/hall";
  if (may("case.handle") && !may("case.command") && window.matchMedia("(max-width: 40rem)").matches) return "/field";
  return may("case.read") ? "/desk" : "/admin";
});
