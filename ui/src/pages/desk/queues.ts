// The queues of the desk: by what is due and by why somebody must look; each with its count.
import { computed } from "vue";
import { caseList } from "@/live";
import { session } from "@/session";
import { now, zone } from "@/time";
import type { CaseItem } from "@/api/types";

export const QUEUES = ["all", "overdue", "soon", "today", "disputed", "nobody", "returned", "mine"] as const;
export type QueueName = (typeof QUEUES)[number];

/** the day in the city's time zone */
const day = (at: number): string => new Intl.DateTimeFormat("en-CA", { timeZone: zone.value, dateStyle: "short" }).format(at);
/** what time it is to the half minute: counts need not be made anew each second */
const about = computed(() => Math.floor(now.value / 30_000) * 30_000);

function inQueue(item: CaseItem, queue: QueueName, at: number, today: string): boolean {
  const due = item.due && !item.suspended ? Date.parse(item.due) : 0;
  switch (queue) {
    case "overdue":
      return Boolean(due) && due < at;
    case "soon":
      return due >= at && Boolean(item.warns_at) && Date.parse(item.warns_at!) <= at;
    case "today":
      return due >= at && day(due) === today;
    case "nobody":
      return !item.owner;
    case "disputed":
    case "returned":
      return item.queue === queue;
    case "mine": {
      const own = session.value?.scope.department ?? "";
      return Boolean(own) && (item.owner === own || item.joint.includes(own));
    }
    default:
      return true;
  }
}

export function casesIn(queue: QueueName, list: CaseItem[]): CaseItem[] {
  if (queue === "all") return list;
  const today = day(about.value);
  return list.filter((one) => inQueue(one, queue, about.value, today));
}

export const counts = computed(() => {
  const today = day(about.value);
  const found = Object.fromEntries(QUEUES.map((one) => [one, 0])) as Record<QueueName, number>;
  for (const item of caseList.value) for (const queue of QUEUES) if (inQueue(item, queue, about.value, today)) found[queue] += 1;
  return found;
});

/** Only who has a department has cases of their own. */
export const shownQueues = computed(() => QUEUES.filter((one) => one !== "mine" || session.value?.scope.department));
