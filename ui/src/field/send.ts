// Sending what waits: each chain in its order, each deed until the city answered, once.
//
// It runs in the page and, where the browser can, in the service worker when the page is closed.
import * as box from "./box";
import { expected, harmless, pause, type Deed, type Links, type Refusal } from "./deed";

export type Outcome = "idle" | "waiting" | "signin" | "other";
const LOCK = "tianmu-field-outbox";
/** ms that a sent deed stays in the list */
const REMEMBER = 3 * 86_400_000;

export const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("tianmu-field");
/** What the page hears when a deed moved on: its own messages do not come back by the channel. */
let tellHere: () => void = () => undefined;
export function onMoved(then: () => void): void {
  tellHere = then;
  if (channel) channel.onmessage = then;
}
export function moved(): void {
  tellHere();
  channel?.postMessage("moved");
}

/** ms that the city's clock is ahead of the phone's, as of its last answer. */
let ahead = 0;
function learnTime(answer: Response): void {
  const said = Date.parse(answer.headers.get("Date") ?? "");
  if (said && Math.abs(said - Date.now() - ahead) > 2000) ahead = Math.abs(said - Date.now()) > 2000 ? said - Date.now() : 0;
}
const told = (at: number): string => new Date(Math.min(at, Date.now()) + ahead).toISOString();

async function ask(where: string, more: RequestInit = {}, seconds = 30): Promise<Response> {
  const answer = await fetch(where, { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(seconds * 1000), ...more });
  learnTime(answer);
  return answer;
}

/** Send what is due of whoever is signed in, or nothing. Two never send at once: who comes second goes
 * away, or with `now` waits for its turn, and then all that waits is due. */
export async function sendAll(now = false): Promise<Outcome> {
  if (!navigator.onLine) return "waiting"; // a try that cannot succeed is none
  const send = async (): Promise<Outcome> => {
    if (now) await hurry();
    return run();
  };
  if (!navigator.locks) return send();
  return navigator.locks.request(LOCK, { ifAvailable: !now }, (held) => (held ? send() : "waiting"));
}

/** There is a line again: what waited for its turn is due now. */
async function hurry(): Promise<void> {
  const held = (await box.all<Deed>("deeds")).filter((one) => one.state === "waiting" && one.next > Date.now());
  if (held.length) await box.within(["deeds"], "readwrite", (of) => held.forEach((one) => of("deeds").put({ ...one, next: 0 })));
}

async function run(): Promise<Outcome> {
  let waiting = (await box.all<Deed>("deeds")).filter((one) => one.state !== "sent");
  if (!waiting.some((one) => one.state === "waiting" && one.next <= Date.now())) return waiting.some((one) => one.state === "waiting") ? "waiting" : "idle";
  // never one person's deed in another's name
  let who: string;
  try {
    const answer = await ask("/api/session", {}, 15);
    if (answer.status === 401) return "signin";
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    who = ((await answer.json()) as { account: string }).account;
  } catch (reason) {
    await delay(waiting.filter((one) => one.state === "waiting" && one.next <= Date.now()), reason);
    return "waiting";
  }
  if (!waiting.some((one) => one.account === who && one.state === "waiting")) return "other";
  for (;;) {
    waiting = (await box.all<Deed>("deeds")).filter((one) => one.state !== "sent" && one.account === who);
    const first = new Map<string, Deed>();
    for (const one of waiting) if (!first.has(one.chain)) first.set(one.chain, one);
    const due = [...first.values()].filter((one) => one.state === "waiting" && one.next <= Date.now());
    if (!due.length) break;
    for (const deed of due) if ((await attempt(deed)) === "signin") return "signin";
  }
  await tidy();
  return waiting.some((one) => one.state === "waiting") ? "waiting" : "idle";
}

async function delay(deeds: Deed[], reason: unknown, after = 0): Promise<void> {
  for (const deed of deeds) {
    deed.tries += 1;
    deed.next = Date.now() + Math.max(after, pause(deed.tries));
    deed.trouble = String(reason instanceof Error ? reason.message : reason).slice(0, 200);
  }
  await save(...deeds);
}

/** Write deeds back, unless they were thrown away meanwhile. */
async function save(...deeds: Deed[]): Promise<void> {
  await box.within(["deeds"], "readwrite", (of) => {
    for (const deed of deeds) {
      const held = of("deeds").getKey(deed.number!);
      held.onsuccess = (): void => void (held.result !== undefined && of("deeds").put(deed));
    }
  });
  moved();
}

async function attempt(deed: Deed): Promise<"" | "signin"> {
  let answer: Response;
  try {
    answer = await post(deed);
  } catch (reason) {
    await delay([deed], reason);
    return "";
  }
  if (answer.status === 401) return "signin";
  if (answer.ok) {
    await sent(deed, answer);
    return "";
  }
  if (answer.status >= 500 || answer.status === 429 || answer.status === 408) {
    await delay([deed], `HTTP ${answer.status}`, Number(answer.headers.get("Retry-After") ?? 0) * 1000);
    return "";
  }
  const why = await problem(answer);
  if (answer.status === 412 && deed.case) {
    try {
      if (await reconcile(deed, why)) return "";
    } catch (reason) {
      await delay([deed], reason);
      return "";
    }
  }
  await save({ ...deed, state: "refused", why });
  return "";
}

async function post(deed: Deed): Promise<Response> {
  const headers: Record<string, string> = { "X-Requested-With": "tianmu", "Idempotency-Key": deed.id };
  const json = (body: unknown): RequestInit => ({ method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (deed.kind === "step") {
    const version = expected(deed.seen ?? 0, await box.get<Links>("kept", `links/${deed.case}`));
    headers["If-Match"] = `"${version}"`;
    return ask(`/api/cases/${encodeURIComponent(deed.case!)}/steps/${deed.step}`, json({ reason: deed.reason ?? "", data: deed.data ?? {}, done_at: told(deed.at) }));
  }
  if (deed.kind === "walk") return ask("/api/patrols", json(deed.walk), 60);
  if (deed.kind === "report") {
    if (!deed.report!.at) {
      // what is sent again must be the same, whatever the clock learns meanwhile
      deed.report = { ...deed.report!, at: told(deed.at) };
      await save(deed);
    }
    return ask("/api/reports", json(deed.report));
  }
  const file = deed.file!;
  const content = await box.get<Blob>("files", deed.id);
  if (!content) return new Response(JSON.stringify({ title: "file lost", detail: "the phone no longer has this file", remedy: "take it again" }), { status: 410 });
  const form = new FormData();
  form.append("role", file.role);
  if (file.order) form.append("order", file.order);
  form.append("at", told(file.takenAt));
  if (file.where) {
    form.append("longitude", String(file.where.longitude));
    form.append("latitude", String(file.where.latitude));
    if (file.where.precision) form.append("precision", String(file.where.precision));
  }
  form.append("file", new Blob([content], { type: file.type }), file.name);
  const where = deed.case ? `/api/cases/${encodeURIComponent(deed.case)}/evidence` : `/api/reports/${encodeURIComponent(deed.reported ?? "")}/evidence`;
  return ask(where, { method: "POST", headers, body: form }, 180);
}

async function sent(deed: Deed, answer: Response): Promise<void> {
  const body = (await answer.json().catch(() => ({}))) as { report?: string };
  const before = Number(answer.headers.get("Deed-Before"));
  const version = Number(answer.headers.get("Deed-Version"));
  await box.within(["deeds", "files", "kept"], "readwrite", (of) => {
    of("deeds").put({ ...deed, state: "sent", sentAt: Date.now(), trouble: undefined, why: undefined });
    of("files").delete(deed.id);
    if (deed.case && version > before) {
      const links = of("kept").get(`links/${deed.case}`);
      links.onsuccess = (): void => {
        const known = links.result as Links | undefined;
        // a step is taken although a call or a mark came between the version that it named and the
        // one that it found: the next one from the same look follows it all the same
        const named = deed.kind === "step" ? expected(deed.seen ?? 0, known) : before;
        of("kept").put({ ...known, [before]: version, [named]: version }, `links/${deed.case}`);
      };
    }
    if (deed.kind === "report") {
      // its photos now know where they belong
      const rest = of("deeds").openCursor();
      rest.onsuccess = (): void => {
        const here = rest.result;
        if (!here) return;
        const other = here.value as Deed;
        if (other.chain === deed.chain && other.state !== "sent") here.update({ ...other, reported: body.report });
        here.continue();
      };
    }
  });
  moved();
}

async function problem(answer: Response): Promise<Refusal> {
  const body = (await answer.json().catch(() => ({}))) as Partial<Refusal>;
  return { status: answer.status, title: body.title ?? `HTTP ${answer.status}`, detail: body.detail ?? "", remedy: body.remedy ?? "" };
}

/** Somebody changed the case since it was seen. What does not touch this deed is passed over and
 * the deed sent again; anything else is shown to whoever did it, with what was done meanwhile. */
async function reconcile(deed: Deed, why: Refusal): Promise<boolean> {
  const answer = await ask(`/api/cases/${encodeURIComponent(deed.case!)}`);
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  interface Held {
    version: number;
    events: { sequence: number; step: string; at: string; actor_name: string; data: Record<string, unknown>; text: Record<string, string> }[];
    actions: { step: string; orders: string[] }[];
  }
  const held = (await answer.json()) as Held;
  const from = expected(deed.seen ?? 0, await box.get<Links>("kept", `links/${deed.case}`));
  const since = held.events.filter((one) => one.sequence > from);
  const order = deed.data?.order;
  const possible = held.actions.some((one) => one.step === deed.step && (order === undefined || one.orders.length === 0 || one.orders.includes(order as string)));
  if (possible && harmless(since, order)) {
    const links = (await box.get<Links>("kept", `links/${deed.case}`)) ?? {};
    await box.put("kept", `links/${deed.case}`, { ...links, [from]: held.version });
    return true;
  }
  why.since = since.filter((one) => one.step !== "warn").map((one) => ({ step: one.step, at: one.at, actor: one.actor_name, text: one.text }));
  return false;
}

/** Sent deeds go from the list after some days. */
async function tidy(): Promise<void> {
  const old = (await box.all<Deed>("deeds")).filter((one) => one.state === "sent" && (one.sentAt ?? 0) < Date.now() - REMEMBER);
  if (old.length) await box.within(["deeds"], "readwrite", (of) => old.forEach((one) => of("deeds").delete(one.number!)));
}
