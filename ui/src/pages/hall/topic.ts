// What a number of the wall is made of: the list that its drawer shows.
import type { Query } from "@/api/client";

export type Topic =
  | { kind: "cases"; title: string; query: Query }
  | { kind: "alarms"; title: string; query: Query }
  | { kind: "devices"; title: string; query: Query }
  | { kind: "reports"; title: string; query: Query }
  | { kind: "sources"; title: string }
  | { kind: "departments"; title: string }
  | { kind: "rulings"; title: string }
  | { kind: "breakdown"; title: string }
  | { kind: "case"; title: string; id: string }
  | { kind: "alarm"; title: string; id: string }
  | { kind: "device"; title: string; id: string };
