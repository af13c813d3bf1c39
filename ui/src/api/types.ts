// What the API says, as the pages use it. Names and shapes are the server's own.

/** A text in the languages the city speaks. */
export type Text = Record<string, string>;

/** RFC 3339, UTC. */
export type Instant = string;

export interface Place {
  longitude?: number | null;
  latitude?: number | null;
  precision?: number | null;
  division?: string;
  address?: string;
}

export interface Limit {
  value: number;
  unit: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
  total?: number | null;
}

export interface Session {
  account: string;
  name: string;
  role: string;
  roles: string[];
  scope: { division?: string | null; department?: string | null; tier?: number | null };
  permissions: string[];
  language?: string | null;
  kiosk: boolean;
  /** `none`: came by a link, set one; `expired`: nothing else is allowed */
  password: "good" | "none" | "expired";
}

export interface Level {
  name: string;
  number: number;
  text: Text;
  colour: string;
  tier?: number | null;
}

export interface Division {
  code: string;
  name: Text;
  kind: string;
  tier: number;
  parent: string | null;
  lon: number | null;
  lat: number | null;
  precision: number | string | null;
}

export interface Department {
  code: string;
  name: Text;
  kind: string;
}

export interface Property {
  code: string;
  name: Text;
  unit: string;
}

export interface Kind {
  code: string;
  name: Text;
  category: string;
  icon: string;
  properties: Property[];
}

export interface Matter {
  key: string;
  code: string;
  name: Text;
  kind: string;
  class_name: Text;
}

export interface City {
  code: string;
  name: Text;
  center: [number, number];
  bbox: [number, number, number, number];
  time_zone: string;
  languages: string[];
  tiers: { number: number; name: Text }[];
  divisions: Division[];
  departments: Department[];
  kinds: Kind[];
  matters: Matter[];
  profile: { name: string; text?: Text; levels: Level[] };
  notes: Text[];
}

export type Origin = "real" | "replayed" | "transplanted" | "seeded" | "probe";

export interface SourceVital {
  source: string;
  name: Text;
  origin: Origin;
  protocol: string;
  state: string;
  last_seen_at: Instant | null;
  observations_total: number;
}

export interface DepartmentVital {
  code: string;
  name: Text;
  open: number;
  overdue: number;
  due_soon: number;
}

/** Figures of one of the five nets; each member is a number or null where nothing is known yet. */
export type Net = Record<string, number | null>;

export interface Vitals {
  at: Instant;
  devices: { total: number; online: number; silent: number; never?: number };
  observations: { total: number; per_second: number };
  alarms: { active: number; unacknowledged: number; by_priority: number[] };
  cases: {
    open: number;
    today_opened: number;
    today_closed: number;
    overdue: number;
    by_level: Record<string, number>;
    by_stage: Record<string, number>;
  };
  departments: DepartmentVital[];
  nets: Record<string, Net>;
  /** for a net without figures: why */
  not_yet?: Record<string, Text>;
  sources: SourceVital[];
  lag: Record<string, number | null>;
}

export interface Alarm {
  alarm: string;
  identity: string;
  state: string;
  priority: number;
  severity: string;
  rule: string;
  text: Text;
  device: string;
  device_kind: string;
  datastream?: string;
  value: number | null;
  limit: number | null;
  unit: string;
  place: Place;
  division_name: Text | null;
  raised_at: Instant;
  observed_at: Instant;
  changed_at?: Instant;
  returned_at?: Instant | null;
  acknowledged_by: string | null;
  shelved_until: Instant | null;
  count: number;
  case: string | null;
  source?: string;
  origin: Origin;
  /** of the platform itself, not of the city */
  system?: boolean;
  test: boolean;
  probe: string;
  /** what its state allows; the account's permissions decide besides */
  actions?: string[];
  chattering?: boolean;
  reason?: string;
  actor?: string;
  version: number;
}

export interface CaseItem {
  case: string;
  number: string;
  title: Text;
  matter: string;
  matter_name: Text | null;
  level: string;
  stage: string;
  owner: string;
  owner_name: Text | null;
  place: Place;
  division: string;
  division_name?: Text | null;
  opened_at: Instant;
  closed_at?: Instant | null;
  due: Instant | null;
  overdue: boolean;
  signals: number;
  /** why a person must look, or empty */
  queue?: string;
  suspended?: boolean;
  outcome?: string;
  origin: Origin;
  probe: string;
  version: number;
}

export interface CaseEvent {
  sequence: number;
  step: string;
  stage: string;
  at: Instant;
  actor: string;
  actor_name?: string;
  reason: string;
  data: Record<string, unknown>;
  text: Text | null;
}

export interface Member {
  kind: "alarm" | "report";
  id: string;
  at: Instant;
  text: Text | string;
  score: number | null;
  reasons: Text[];
  joined_at: Instant;
  returned?: boolean;
  device?: string;
  channel?: string;
}

export interface Order {
  order: string;
  unit: string;
  unit_name: Text | null;
  task: Text | string;
  persons: { name: string; account?: string; phone?: string; post?: string }[];
  state: string;
  due: Instant | null;
  limit?: Limit | null;
  remaining?: Limit | null;
  overdue?: boolean;
  basis?: string;
  result?: string;
}

export interface Evidence {
  evidence: string;
  name?: string;
  media_type?: string;
  size?: number;
  at?: Instant;
  actor?: string;
  url?: string;
}

export interface Action {
  step: string;
  label: Text;
  /** names of the data it asks for; a trailing `?` says it may be left out */
  needs: string[];
  /** the orders it can be taken on */
  orders?: string[];
}

export interface CaseDetail extends CaseItem {
  events: CaseEvent[];
  members: Member[];
  orders: Order[];
  evidence: Evidence[];
  actions: Action[];
  text?: string;
  deadlines: { stage: string; due: Instant; limit: Limit; remaining: Limit; basis: string }[];
  /** years of its limits whose calendar of holidays is not published yet */
  unpublished?: number[];
}

export interface Device {
  device: string;
  name: string;
  kind: string;
  properties: string[];
  place: Place;
  department: string;
  origin: Origin;
  source: string;
  state?: string;
  last_seen_at?: Instant | null;
  labels?: Record<string, string>;
  division_name?: Text | null;
}

export interface DeviceDetail extends Device {
  values: { property: string; value: number | null; at: Instant | null; quality: number; unit?: string }[];
  alarms: Alarm[];
}

export interface Series {
  device: string;
  property: string;
  unit: string;
  points: { at: Instant; value: number | null; low: number | null; high: number | null; count: number; text?: string | null }[];
}

export interface Handover {
  handover: string;
  at: Instant;
  from: string;
  from_name?: string;
  to?: string | null;
  to_name?: string | null;
  text: string;
  signed_at: Instant | null;
  signed_by?: string | null;
  digest?: string;
  open_cases?: number;
  active_alarms?: number;
}

export interface Notice {
  at: Instant;
  text: Text;
  severity?: string;
}
