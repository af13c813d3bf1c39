// One door to the server: JSON in, JSON out, problems (RFC 9457) as exceptions.
import { newKey } from "@/unique";

/** The server begins its sentences small, since they also stand within others. */
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export class Problem extends Error {
  readonly status: number;
  /** the last part of its type: `changed`, `forbidden`, … */
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  readonly remedy: string;
  readonly faults: { where: string; what: string }[];

  constructor(status: number, body: { type?: string; title?: string; detail?: unknown; remedy?: string; faults?: { where: string; what: string }[] }) {
    const detail = typeof body.detail === "string" ? capital(body.detail) : "";
    super(detail || body.title || `HTTP ${status}`);
    this.status = status;
    this.kind = body.type?.split("#")[1] ?? "";
    this.title = body.title ?? `HTTP ${status}`;
    this.detail = detail;
    this.remedy = capital(body.remedy ?? "");
    this.faults = body.faults ?? [];
  }

  /** Somebody else changed it first: reload, then decide again. */
  get conflict(): boolean {
    return this.status === 409 || this.status === 412;
  }

  /** What is on the screen is old: not that the city refused what was asked. */
  get changed(): boolean {
    return this.status === 412 || this.kind === "changed";
  }

  /** The server could not be reached at all. */
  get offline(): boolean {
    return this.status === 0;
  }
}

type Part = string | number | boolean | null | undefined;
/** A list says its name once for each of it. */
export type Query = Record<string, Part | Part[]>;

let signedOut: () => void = () => undefined;

/** Called when the server says that the session is over. */
export function onSignedOut(then: () => void): void {
  signedOut = then;
}

export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return String.raw({ raw: parts.raw }, ...values.map(encodeURIComponent));
}

export function address(where: string, query?: Query): string {
  const pairs = Object.entries(query ?? {})
    .flatMap(([k, v]) => (Array.isArray(v) ? v : [v]).map((one): [string, Part] => [k, one]))
    .filter(([, v]) => v !== undefined && v !== null && v !== "");
  if (!pairs.length) return where;
  return `${where}?${new URLSearchParams(pairs.map(([k, v]) => [k, String(v)]))}`;
}

const early = new Map<string, { answer: Promise<Response>; at: number }>();
/** ms that an early answer is of use */
const FRESH = 5000;

/** Ask before the part of the page is there that needs it: the next `get` of the same address takes
 * this answer, unless it was a refusal or is old by then. */
export function askEarly(...addresses: string[]): void {
  for (const where of addresses) {
    const answer = fetch(where, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    answer.catch(() => undefined); // whoever needs it asks again, and is told
    early.set(where, { answer, at: performance.now() });
  }
}

async function askedEarly(where: string): Promise<Response | null> {
  const held = early.get(where);
  if (!early.delete(where) || !held || performance.now() - held.at > FRESH) return null;
  const answer = await held.answer.catch(() => null);
  return answer?.ok ? answer : null;
}

async function ask<T>(method: string, where: string, body?: unknown, version?: number | string, signal?: AbortSignal, key?: string): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-Requested-With"] = "tianmu";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  if (key) headers["Idempotency-Key"] = key;
  const form = body instanceof FormData;
  if (form) delete headers["Content-Type"];
  let answer: Response;
  try {
    answer = (method === "GET" ? await askedEarly(where) : null) ?? await fetch(where, {
      method,
      headers,
      credentials: "same-origin",
      body: body === undefined ? null : form ? body : JSON.stringify(body),
      signal: signal ?? null,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Problem(0, { title: "offline", detail: String(cause) });
  }
  if (answer.status === 204) return undefined as T;
  const text = await answer.text();
  let said: unknown = undefined;
  try {
    said = text ? JSON.parse(text) : undefined;
  } catch {
    said = { title: answer.statusText, detail: text.slice(0, 300) };
  }
  if (!answer.ok) {
    if (answer.status === 401 && !where.startsWith("/api/session")) signedOut();
    throw new Problem(answer.status, (said ?? {}) as { title?: string });
  }
  return said as T;
}

/** keys of deeds that no answer has come to: sent again, they count once */
const unanswered = new Map<string, string>();

async function deed<T>(where: string, body: unknown, version?: number | string): Promise<T> {
  const what = `${where} ${JSON.stringify(body)}`;
  const key = unanswered.get(what) ?? newKey();
  unanswered.set(what, key);
  try {
    const said = await ask<T>("POST", where, body, version, undefined, key);
    unanswered.delete(what);
    return said;
  } catch (problem) {
    if (problem instanceof Problem && problem.status >= 400 && problem.status < 500) unanswered.delete(what);
    throw problem;
  }
}

export const api = {
  get: <T>(where: string, query?: Query, signal?: AbortSignal): Promise<T> => ask<T>("GET", address(where, query), undefined, undefined, signal),
  /** `key`: what is sent again with it is done once */
  post: <T>(where: string, body: unknown = {}, version?: number | string, key?: string): Promise<T> =>
    ask<T>("POST", where, body, version, undefined, key),
  /** a question that needs a body: it changes nothing */
  ask: <T>(where: string, body: unknown, signal: AbortSignal): Promise<T> => ask<T>("POST", where, body, undefined, signal),
  /** what a person does: with a key of its own, which it keeps until an answer has come */
  deed,
  put: <T>(where: string, body: unknown, version?: number | string): Promise<T> =>
    ask<T>("PUT", where, body, version),
  remove: <T>(where: string): Promise<T> => ask<T>("DELETE", where),
};

/** Send a file as it is; ``progress`` is told which share of it has gone. */
export function upload<T>(where: string, file: Blob, type: string, progress: (share: number) => void): { done: Promise<T>; stop: () => void } {
  const request = new XMLHttpRequest();
  const done = new Promise<T>((resolve, reject) => {
    request.open("POST", where);
    request.setRequestHeader("X-Requested-With", "tianmu");
    request.setRequestHeader("Content-Type", type);
    request.upload.onprogress = (event): void => progress(event.total ? event.loaded / event.total : 0);
    request.upload.onload = (): void => progress(1);
    request.onerror = request.onabort = (): void => reject(new Problem(0, { title: "offline" }));
    request.onload = (): void => {
      let said: unknown;
      try {
        said = JSON.parse(request.responseText);
      } catch {
        said = { title: request.statusText, detail: request.responseText.slice(0, 300) };
      }
      if (request.status < 300) return resolve(said as T);
      if (request.status === 401) signedOut();
      reject(new Problem(request.status, (said ?? {}) as { title?: string }));
    };
    request.send(file);
  });
  return { done, stop: () => request.abort() };
}
