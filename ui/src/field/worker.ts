// The service worker of /field: opens the app without a line, and sends what waits when there is one
// again and the page is closed. Built by itself into /worker.js (see field.build.ts).
import { sendAll } from "./send";

declare const __VERSION__: string;
declare const __FILES__: string[];

interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Asked extends Extendable {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Scope extends EventTarget {
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
}
const scope = self as unknown as Scope;

const SHELL = `tianmu-field-${__VERSION__}`;
const MORE = "tianmu-field-more";
/** files of the page beyond its shell (faces of the font) that are kept as they are met */
const MOST = 60;

// All files of a version, or none: a version that is half there would break without a line.
scope.addEventListener("install", (event) => {
  const all = async (): Promise<void> => {
    const cache = await caches.open(SHELL);
    await cache.addAll(__FILES__.map((one) => new Request(one, { cache: "reload" })));
  };
  (event as Extendable).waitUntil(all());
});

// It waits until the person says so, or no page is open: the old page keeps its own files.
scope.addEventListener("message", (event) => {
  if ((event as MessageEvent).data === "take over") void scope.skipWaiting();
});

scope.addEventListener("activate", (event) => {
  const clean = async (): Promise<void> => {
    const names = await caches.keys();
    await Promise.all(names.filter((one) => one.startsWith("tianmu-field-") && one !== SHELL && one !== MORE).map((one) => caches.delete(one)));
    await scope.clients.claim();
  };
  (event as Extendable).waitUntil(clean());
});

scope.addEventListener("fetch", (event) => {
  const { request } = event as Asked;
  const where = new URL(request.url);
  if (request.method !== "GET" || where.origin !== location.origin || where.pathname.startsWith("/api/")) return;
  // what the city says is never kept here: the page keeps what it may, for one account
  if (request.mode === "navigate") (event as Asked).respondWith(shell(request));
  else (event as Asked).respondWith(file(request, where));
});

async function shell(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL);
  return (await cache.match("/field")) ?? fetch(request);
}

async function file(request: Request, where: URL): Promise<Response> {
  const known = await caches.match(request, { ignoreSearch: true, ignoreVary: true });
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok && where.pathname.startsWith("/assets/")) {
    const cache = await caches.open(MORE);
    if ((await cache.keys()).length < MOST) await cache.put(request, answer.clone());
  }
  return answer;
}

scope.addEventListener("sync", (event) => {
  const send = async (): Promise<void> => {
    // thrown: the browser tries again later by itself
    if ((await sendAll()) === "waiting") throw new Error("some of it waits still");
  };
  (event as Extendable).waitUntil(send());
});
