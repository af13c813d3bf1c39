// Who is signed in on this phone, also without a line: kept with what was taken along, locked when
// the session ends, wiped at sign-out.
import { ref } from "vue";
import { api, Problem } from "@/api/client";
import { city } from "@/live";
import { forget as forgetSession, session, whoami } from "@/session";
import { zone } from "@/time";
import { suggestLanguage } from "@/words";
import type { City, Session } from "@/api/types";
import * as box from "./box";

interface Who {
  session: Session;
  /** ms: from then on it is locked */
  lockAt: number;
}

const LEFT = "tianmu.field.left";
/** ms: the longest that is trusted where the city did not say when the session ends */
const LONGEST = 12 * 3_600_000;

export const locked = ref(false);
let lockAt = 0;

/** Settle who is there. False: nobody, and there is a line to sign in by. */
export async function settle(): Promise<boolean> {
  const kept = await box.get<Who>("kept", "who");
  if (localStorage.getItem(LEFT)) {
    // signed out without a line: the city hears it now
    try {
      await api.remove("/api/session");
      localStorage.removeItem(LEFT);
    } catch (reason) {
      if (reason instanceof Problem && reason.status === 401) localStorage.removeItem(LEFT);
    }
    forgetSession();
    return false;
  }
  if (session.value) {
    if (kept && kept.session.account !== session.value.account) await box.forget();
    await keep(kept?.session.account === session.value.account ? kept.lockAt : 0);
    return true;
  }
  if (!kept) return false;
  session.value = kept.session;
  lockAt = kept.lockAt;
  city.value ??= (await box.get<City>("kept", "city")) ?? null;
  if (city.value) zone.value = city.value.time_zone;
  await lockWhenDue();
  return true;
}

async function keep(until: number): Promise<void> {
  lockAt = until > Date.now() ? until : Date.now() + LONGEST;
  await box.put("kept", "who", { session: JSON.parse(JSON.stringify(session.value)) as Session, lockAt } satisfies Who);
  suggestLanguage(session.value?.language);
}

/** The city said when the session ends. */
export async function lockBy(at: string | null): Promise<void> {
  if (at) await keep(Date.parse(at));
}

/** When the session is over, what was taken along goes; deeds that wait stay for their owner. */
export async function lockWhenDue(): Promise<void> {
  if (!session.value || Date.now() < lockAt) return;
  locked.value = true;
  await box.within(["kept", "drafts"], "readwrite", (of) => {
    const keys = of("kept").getAllKeys();
    keys.onsuccess = (): void => keys.result.filter((key) => !String(key).startsWith("links/") && key !== "who").forEach((key) => of("kept").delete(key));
  });
}

export async function keepCity(): Promise<void> {
  if (city.value) await box.put("kept", "city", JSON.parse(JSON.stringify(city.value)));
}

/** Sign out: nothing of this account stays on the phone. */
export async function leave(): Promise<void> {
  await box.wipe();
  try {
    await api.remove("/api/session");
  } catch (reason) {
    if (!(reason instanceof Problem) || reason.status !== 401) localStorage.setItem(LEFT, "1");
  }
  forgetSession();
  await whoami(true).catch(() => null);
}
