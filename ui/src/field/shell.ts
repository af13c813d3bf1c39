// The installed app: its worker, its manifest, and a newer version of itself.
import { ref } from "vue";

export const newer = ref(false);
export const installable = ref(false);

interface Prompt extends Event {
  prompt(): Promise<void>;
}
let prompt: Prompt | null = null;
let begun = false;

export function begin(): void {
  if (begun) return;
  begun = true;
  head("link", { rel: "manifest", href: "/field.webmanifest" });
  head("link", { rel: "apple-touch-icon", href: "/icons/field-180.png" });
  head("meta", { name: "theme-color", content: "#ffffff" });
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    prompt = event as Prompt;
    installable.value = true;
  });
  window.addEventListener("appinstalled", () => (installable.value = false));
  void register();
}

function head(tag: string, attributes: Record<string, string>): void {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  document.head.append(made);
}

export async function install(): Promise<void> {
  await prompt?.prompt();
  prompt = null;
  installable.value = false;
}

let held: ServiceWorkerRegistration | null = null;

async function register(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  let controlled = Boolean(navigator.serviceWorker.controller);
  let reloading = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (controlled && !reloading) {
      reloading = true;
      window.location.reload();
    }
    controlled = true;
  });
  try {
    held = await navigator.serviceWorker.register("/worker.js", { scope: "/field", updateViaCache: "none" });
  } catch (reason) {
    console.warn("the app does not open without a line:", reason);
    return;
  }
  const look = (): void => {
    newer.value = Boolean(held?.waiting && navigator.serviceWorker.controller);
  };
  look();
  held.addEventListener("updatefound", () => held?.installing?.addEventListener("statechange", look));
  window.setInterval(() => void held?.update().catch(() => undefined), 3_600_000);
  document.addEventListener("visibilitychange", () => document.hidden || void held?.update().catch(() => undefined));
}

/** Take the newer version: drafts and deeds are kept on the phone and are there again after it. */
export function takeNewer(): void {
  held?.waiting?.postMessage("take over");
}
