// The server's own types, generated from its OpenAPI document (`python ui/build.py --schema`),
// under the names that the pages use.
import type { components } from "./schema";

type Schemas = components["schemas"];

/** A text in the languages the city speaks. */
export type Text = Record<string, string>;

/** RFC 3339, UTC. */
export type Instant = string;

export interface Page<T> {
  items: T[];
  next: string | null;
  total?: number | null;
}

export type About = Schemas["CityCard"];
export type Plans = Schemas["PlansSaid"];
export type PlanRehearsal = Schemas["RehearsalSaid"];
export type Session = Schemas["SessionSaid"];
export type SecondAsked = Schemas["SecondAsked"];
export type Seen = Schemas["SeenSaid"];
export type Ways = Schemas["WaysSaid"];
export type Factors = Schemas["FactorsSaid"];
export type AppBegun = Schemas["AppBegun"];
export type PasskeyAsked = Schemas["PasskeyAsked"];
export type Recovery = Schemas["Recovery"];
export type City = Schemas["CitySaid"];
export type Division = Schemas["DivisionSaid"];
export type Department = Schemas["DepartmentSaid"];
export type Level = Schemas["LevelSaid"];
export type Place = Schemas["PlaceSaid"];
export type Limit = Schemas["LimitSaid"];
export type Vitals = Schemas["Vitals"];
export type ScenarioList = Schemas["ScenarioList"];
export type ScenarioBrief = Schemas["ScenarioBrief"];
export type Scenario = Schemas["ScenarioSaid"];
export type ScenarioChart = Schemas["ScenarioChart"];
export type AlarmCause = Schemas["AlarmCause"];
export type CauseList = Schemas["CauseList"];
export type ForecastList = Schemas["ForecastList"];
export type ForecastBrief = Schemas["ForecastBrief"];
export type ForecastOf = Schemas["ForecastOf"];
export type ScenarioWatched = Schemas["ScenarioWatched"];
export type ScenarioRecord = Schemas["ScenarioRecord"];
export type Danger = Schemas["DangerSaid"];
export type DangerTable = Schemas["DangerTable"];
export type Thing = Schemas["ThingSaid"];
export type Revealed = Schemas["RevealSaid"];
export type DutyAsked = Schemas["DeedDone"];
export type DangerShape = Schemas["DangerShape"];
export type Degree = Schemas["ScenarioDegree"];
export type AreaRows = Schemas["AreaRows"];
export type Alarm = Schemas["AlarmSaid"];
export type AlarmWhole = Schemas["AlarmWhole"];
export type Anomaly = Schemas["AnomalySaid"];
export type AnomalyPolicies = Schemas["AnomalyPolicies"];
export type AnomalyPolicy = Schemas["AnomalyPolicy"];
export type AlarmLoad = Schemas["AlarmLoad"];
export type Load = Schemas["Load"];
export type CaseItem = Schemas["CaseSaid"];
export type CaseDetail = Schemas["CaseWhole"];
export type CaseEvent = Schemas["EventSaid"];
export type Member = Schemas["MemberSaid"];
export type Unit = Schemas["UnitSaid"];
export type CaseProposals = Schemas["CaseProposals"];
export type Near = Schemas["NearSaid"];
export type NearList = Schemas["NearList"];
export type Phones = Schemas["PhoneSaid"];
export type Proposal = Schemas["ProposalSaid"];
export type Alike = Schemas["AlikeSaid"];
export type MatterProposed = Schemas["MatterProposed"];
export type Telling = Partial<Schemas["Telling"]>;
export type Order = Schemas["OrderSaid"];
export type Action = Schemas["ActionSaid"];
export type Printed = Schemas["PrintSaid"];
export type ManyDone = Schemas["ManyDone"];
export type SavedFilter = Schemas["FilterSaid"];
export type FilterChoice = Schemas["Choice"];
export type Room = Schemas["RoomSaid"];
export type RoomEvent = Schemas["RoomEventSaid"];
export type RoomItem = Schemas["ItemSaid"];
export type Report = Schemas["ReportSaid"];
export type Device = Schemas["DeviceSaid"];
export type DeviceDetail = Schemas["DeviceWhole"];
export type Basemap = Schemas["BasemapSaid"];
export type MapChanges = Schemas["Changes"];
export type Exceeded = Schemas["Exceeded"];
export type SeriesSet = Schemas["SeriesSet"];
export type Series = Schemas["SeriesOf"];
export type Source = Schemas["SourceSaid"];
export type Connector = Schemas["ConnectorSaid"];
export type Unknown = Schemas["UnknownSaid"];
export type Quarantined = Schemas["QuarantinedSaid"];
export type Webhook = Schemas["WebhookSaid"];
export type Delivery = Schemas["DeliverySaid"];
export type HazardItem = Schemas["HazardSaid"];
export type HazardDetail = Schemas["HazardWhole"];
export type HazardKinds = Schemas["HazardKinds"];
export type HazardCounts = Schemas["HazardCounts"];
export type WarningItem = Schemas["WarningItemSaid"];
export type WarningSent = Schemas["WarningSent"];
export type WarningKinds = Schemas["WarningKinds"];
export type WarningProposal = Schemas["WarningProposal"];
export type BulletinItem = Schemas["BulletinSaid"];
export type CapTaken = Schemas["CapTaken"];
export type Account = Schemas["AccountSaid"];
export type Role = Schemas["RoleSaid"];
export type Organisation = Schemas["OrganisationSaid"];
export type Roster = Schemas["RosterSaid"];
export type Shift = Schemas["ShiftSaid"];
export type Handover = Schemas["HandoverSaid"];
export type Handed = Schemas["HandedSaid"];
export type OpenShift = Schemas["OpenSaid"];
export type Reminder = Schemas["ReminderSaid"];
export type Week = Schemas["WeekSaid"];
export type Duty = Schemas["DutySaid"];
export type Absence = Schemas["AbsenceSaid"];
export type Candidates = Schemas["CandidatesSaid"];
export type Contact = Schemas["ContactSaid"];
export type Ladder = Schemas["LadderSaid"];
export type Providers = Schemas["ProvidersSaid"];
export type Trial = Schemas["TrialSaid"];
export type Rulings = Schemas["RulingList"];
export type Rules = Schemas["RulesSaid"];
export type Tested = Schemas["TestSaid"];
export type Pack = Schemas["PackSaid"];
export type BulkRegistered = Schemas["BulkRegistered"];
export type PackChecked = Schemas["PackChecked"];
export type AuditEntry = Schemas["AuditSaid"];
export type TrailChecked = Schemas["TrailChecked"];

/** A word to whoever is there; it comes by push only. */
export interface Notice {
  at: string;
  text: Text;
  severity: string;
}
