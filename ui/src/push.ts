// The server's push: one EventSource for the page, reopened when the browser gives up on it.
//
// The browser itself resumes a broken connection with Last-Event-ID, so nothing is lost or told
// twice. It gives up only when the server answers with an error; then the connection is opened anew
// after a growing pause and the pages ask for the present state again.
import { ref } from "vue";

export type PushState = "connecting" | "open" | "broken";

export const pushState = ref<PushState>("connecting");
/** ms of the last byte that is known to have come; heart-beat comments are not seen by the page. */
export const heardAt = ref(0);

const KINDS = ["hello", "vitals", "alarm", "case", "report", "device", "source", "handover", "unit", "notice", "tiles", "room", "warning", "hazard", "bulletin", "withdrawn"] as const;
export type PushKind = (typeof KINDS)[number];
export type Hearer = (kind: PushKind, data: unknown) => void;

/** ms without a vital sign, which come every few seconds, after which the line is taken for dead: one that was cut
 * without a word looks open for many minutes */
const SILENT = 30_000;
let stream: EventSource | null = null;
/** whether vital signs come to this account */
let beats = false;
let retry = 0;
let failures = 0;
let cursor = "";
let hearer: Hearer = () => undefined;

function open(): void {
  window.clearTimeout(retry);
  stream?.close();
  const from = cursor ? `?after=${encodeURIComponent(cursor)}` : "";
  const made = new EventSource(`/api/push${from}`, { withCredentials: true });
  stream = made;
  made.onopen = () => {
    failures = 0;
    pushState.value = "open";
    heardAt.value = Date.now();
  };
  made.onerror = () => {
    pushState.value = "broken";
    if (made.readyState !== EventSource.CLOSED) return;
    failures += 1;
    cursor = "";
    retry = window.setTimeout(open, Math.min(1000 * 2 ** failures, 20_000) * (0.75 + Math.random() / 2));
  };
  for (const kind of KINDS) {
    made.addEventListener(kind, (event: MessageEvent<string>) => {
      if (event.lastEventId) cursor = event.lastEventId;
      heardAt.value = Date.now();
      beats ||= kind === "vitals";
      pushState.value = "open";
      let data: unknown = null;
      try {
        data = JSON.parse(event.data);
      } catch {
        console.error(`push event ${kind} is not JSON`, event.data.slice(0, 200));
        return;
      }
      hearer(kind, data);
    });
  }
}

/** A line that has fallen silent is opened anew where it broke. */
window.setInterval(() => {
  if (!stream || !beats || Date.now() - heardAt.value < SILENT) return;
  heardAt.value = Date.now(); // the next try is as far off
  pushState.value = "broken";
  open();
}, 5000);

export function listen(to: Hearer): void {
  hearer = to;
  beats = false;
  pushState.value = "connecting";
  cursor = "";
  failures = 0;
  open();
}

export function hush(): void {
  window.clearTimeout(retry);
  stream?.close();
  stream = null;
}

window.addEventListener("online", () => {
  if (stream && stream.readyState === EventSource.CLOSED) open();
});
