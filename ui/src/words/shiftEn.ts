import type { ShiftWords } from "./shiftZh";

export const shiftEn: ShiftWords = {
  duty: "Roster", goDuty: "to the roster", answerKey: "answer the ladder that looks for you",
  posts: { duty_officer: "duty officer", duty_leader: "duty leader", desk: "desk", grid_worker: "grid worker", grid_leader: "grid leader", repair: "repair", crew: "crew", watch_keeper: "watch keeper", duty: "duty" },
  week: "Week", thisWeek: "This week", before: "Week before", after: "Week after", department: "Unit", now: "On duty now", nobody: "nobody on duty", nobodyNow: "Nobody is on duty now", insteadOf: (who) => `for ${who}`, awayOf: (who) => `${who} is absent`, today: "today", noShifts: "No shifts in this week", order: (n) => `called ${n === 1 ? "first" : n === 2 ? "second" : n === 3 ? "third" : `as number ${n}`}`,
  absences: "Absences and substitutes", noAbsences: "Nobody is absent", record: "Record an absence", who: "Who is absent", since: "From", until: "To", why: "Why", substitute: "Substitute", noSubstitute: "no substitute", free: "free", recorded: "Absence recorded; in force at once", undone: "Absence taken back", undo: "Undo", isUndone: "taken back", uncovered: (n) => `${n} ${n === 1 ? "shift" : "shifts"} without anybody`, by: (who, when) => `recorded by ${who}, ${when}`, duties: (n) => `${n} ${n === 1 ? "shift" : "shifts"} in that time`, noDuties: "no shift in that time",
  proposed: { post: "same post", department: "same unit", above: "unit above" },
  clash: { absent: "absent", on_post: "on another post", stands_in: "stands in for somebody" }, until_: (from, to) => `${from} to ${to}`,
  called: "You are called", calling: (who) => `Calling ${who}`, exhausted: "Everybody was called, nobody answered", answer: "Answer", answered: (who, when) => `answered by ${who}, ${when}`, more: (n) => `${n} more`, next: (t) => `goes on in ${t}`, answeredToast: "Answered: nobody else is called", phoned: "Answered by phone", phonedText: "They answered on the telephone: nobody else is called, and the case names them and you.", phonedWho: "Who answered", keyHanded: "hand-over: item before / after, confirm it, confirm all and take over",
  contacts: "Contacts", noContacts: "Nobody was called",
  means: { app: "app", message: "message", call: "call" },
  outcome: { shown: "shown to them", desk: "not signed in; shown at the desk", nobody_in_app: "nobody is signed in", handed_over: "handed to the gateway", no_provider: "no provider set, nothing was sent", no_number: "no number known, nothing was sent" },
  gateway: { waiting: "being handed to the gateway", done: "taken by the gateway", dead: "the gateway did not take it", discarded: "given up", unknown: "no longer known" },
  states: { running: "calling", answered: "answered", exhausted: "nobody answered", replaced: "a more urgent ladder took its place", over: "the case has ended" },
  causes: { level: "by the level of the case", alarm: "an alarm nobody acknowledges", advice: "the rules ask for a higher level than was set" },
  open: "To be handed over", nothingOpen: "Nothing is open", receiver: "Who takes over", pickReceiver: "choose, or write an account", note: "Log of the shift", noteHint: "what to watch", sign: "Sign and hand over", handed: "Signed. You stay responsible until it is confirmed", responsible: (who) => `${who} is responsible`, waiting: (who, n, of) => `waits for ${who} to confirm (${n} of ${of})`, taken: (who, when) => `taken over by ${who}, ${when}`, confirm: "Confirm", confirmAll: "Confirm all and take over", confirmed: "confirmed", took: "Taken over: you are responsible", print: "Print", back: "Back", log: "Log", detail: "Look", items: "What is handed over", signatures: "Signatures", gave: "Handed over by", received: "Taken over by", digest: "digest", printedAt: (when) => `printed ${when}`,
  kinds: { note: "note", case: "case", alarm: "alarm", contact: "contact", more: "further" },
  due: (when) => `due ${when}`,
  remindOver: (who, post, when) => `${who} (${post}) left at ${when} without handing over`, remindSoon: (who, post, when) => `The shift of ${who} (${post}) ends at ${when}: hand it over`, nextIs: (who) => `next: ${who}`, handNow: "Hand over",
};
