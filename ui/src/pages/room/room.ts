// A command room as it is now: asked once, moved by push, asked again where an event is missing.
import { onBeforeUnmount, onMounted, ref, shallowRef, type Ref } from "vue";
import { api, path, Problem } from "@/api/client";
import { asProblem } from "@/list";
import { onRoom } from "@/live";
import { done, failed } from "@/toast";
import { newKey } from "@/unique";
import { w } from "@/words";
import type { Room, RoomEvent, RoomItem } from "@/api/types";

/** ms between signs of life: shorter than the city waits for one */
const HERE = 10_000;

export interface RoomLive {
  room: Ref<Room | null>;
  fault: Ref<Problem | null>;
  loading: Ref<boolean>;
  load: () => Promise<void>;
  tell: (what: Told) => Promise<boolean>;
}
export interface Told {
  kind: string;
  text?: string;
  item?: string;
  was?: number;
  unit?: string;
  shape?: string;
  points?: [number, number][];
}

/** The room after one more event; null where it cannot be told and must be asked for. */
export function after(room: Room, event: RoomEvent): Room | null {
  if (event.sequence <= room.version) return room;
  if (event.sequence !== room.version + 1) return null;
  const next: Room = { ...room, version: event.sequence, log: [...room.log, event] };
  const change = (items: RoomItem[], to: (one: RoomItem) => RoomItem): RoomItem[] => items.map((one) => (one.item === event.item ? to({ ...one, version: event.sequence }) : one));
  const made: RoomItem = { item: event.item, version: event.sequence, text: event.text, by: event.actor, by_name: event.actor_name, at: event.at, unit: event.unit, shape: event.shape, points: event.points, done_by: "", done_at: null };
  switch (event.kind) {
    case "enter":
      next.present = [...room.present.filter((one) => one.account !== event.actor), { account: event.actor, name: event.actor_name, since: event.at }];
      break;
    case "leave":
      next.present = room.present.filter((one) => one.account !== event.actor);
      break;
    case "open":
      next.open = true;
      next.why = "";
      break;
    case "task":
      next.tasks = [...room.tasks, made];
      break;
    case "task_done":
      next.tasks = change(room.tasks, (one) => ({ ...one, done_by: event.actor_name, done_at: event.at }));
      break;
    case "task_again":
      next.tasks = change(room.tasks, (one) => ({ ...one, done_by: "", done_at: null }));
      break;
    case "draw":
      next.drawings = [...room.drawings, made];
      break;
    case "redraw":
      next.drawings = change(room.drawings, (one) => ({ ...one, text: event.text, points: event.points.length ? event.points : one.points }));
      break;
    case "erase":
      next.drawings = room.drawings.filter((one) => one.item !== event.item);
      break;
  }
  return next;
}

export function useRoom(id: () => string): RoomLive {
  const room = shallowRef<Room | null>(null);
  const fault = shallowRef<Problem | null>(null);
  const loading = ref(true);
  const where = (): string => `${path`/api/cases/${id()}`}/room`;
  /** events heard while the room is being asked for: the answer may be older than they are */
  let late: RoomEvent[] = [];
  let asking = 0;
  async function load(): Promise<void> {
    asking += 1;
    try {
      const found = await api.get<Room>(where());
      if (found.version >= (room.value?.version ?? 0)) room.value = found;
      fault.value = null;
    } catch (reason) {
      fault.value = asProblem(reason);
    }
    asking -= 1;
    loading.value = false;
    const heard = late;
    if (!asking) late = [];
    heard.forEach(move);
  }
  function move(event: RoomEvent): void {
    const next = room.value && after(room.value, event);
    if (next) room.value = next;
    else if (!asking) void load();
  }
  function take(event: RoomEvent): void {
    if (asking) late.push(event);
    if (room.value) move(event);
  }
  const here = (): void => void api.put(`${where()}/here`, {}).catch(() => undefined);
  const gone = (): void => void fetch(`${where()}/here`, { method: "DELETE", keepalive: true, credentials: "same-origin", headers: { "X-Requested-With": "tianmu" } }).catch(() => undefined);

  async function tell(what: Told): Promise<boolean> {
    const key = newKey();
    for (let tries = 0; ; tries += 1) {
      try {
        take(await api.post<RoomEvent>(where(), { ...what, key }));
        return true;
      } catch (reason) {
        const problem = asProblem(reason);
        // the answer was lost: its key makes it safe to send again
        if (problem.offline && tries < 3) {
          await new Promise((go) => window.setTimeout(go, 1000 * 2 ** tries));
          continue;
        }
        if (problem.conflict && problem.status === 412) done(w.value.duty.room.first);
        else failed(problem);
        await load();
        return false;
      }
    }
  }

  let beat = 0;
  let unhear = (): void => undefined;
  onMounted(() => {
    unhear = onRoom((event) => (event === null ? void load() : event.case === id() && take(event)));
    void load().then(() => room.value?.open && here());
    beat = window.setInterval(() => room.value?.open && here(), HERE);
    window.addEventListener("pagehide", gone);
  });
  onBeforeUnmount(() => {
    window.clearInterval(beat);
    unhear();
    window.removeEventListener("pagehide", gone);
    gone();
  });
  return { room, fault, loading, load, tell };
}
