// A call that was begun and put away unsent: it is there again when the same account opens the form, as long
// as the page lives. Kept in memory alone: who called is in it.
import { session } from "@/session";
import type { Where } from "@/field/deed";

export const blank = () => ({ text: "", matter: "", address: "", division: "", name: "", phone: "", confidential: false, channel: "hotline", urgency: "" });
export type Call = ReturnType<typeof blank>;
/** `key`: under which it was sent already, where no answer has come; "" where it was not */
export interface Begun { form: Call; place: Where | null; key: string }

let held: (Begun & { account: string }) | null = null;

/** Keep it, in place of what was kept; one in which nothing is written is none. */
export function putAway(call: Begun | null): void {
  const written = call && (call.place || JSON.stringify(call.form) !== JSON.stringify(blank()));
  held = written ? { ...call, form: { ...call.form }, account: session.value?.account ?? "" } : null;
}

/** What this account put away; another's is forgotten. */
export function takeUp(): Begun | null {
  if (held?.account !== session.value?.account) held = null;
  return held && { form: { ...held.form }, place: held.place, key: held.key };
}
