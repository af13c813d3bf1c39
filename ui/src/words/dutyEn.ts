import type { DutyWords } from "./dutyZh";

export const dutyEn: DutyWords = {
  print: "Print the case file", prints: "Printed", printedBy: (who, when) => `${who}, ${when}`, printMark: (mark) => `print ${mark}`, noPrints: "Not printed yet", printVersion: (n) => `version ${n} of the case`,
  queues: { all: "All", overdue: "Overdue", soon: "Due soon", today: "Due today", disputed: "Disputed", nobody: "Nobody's", returned: "Returned", mine: "Ours" }, queuesLabel: "Queues by what is due",
  filters: "Saved filters", keepFilter: "Save this filter", filterName: "Name", share: "Who sees it", shareNo: "only I", shareYes: "my post", dropFilter: "Remove", noFilters: "No filter saved yet", sharedBy: (who) => `shared by ${who}`,
  evidence: { shows: "What it shows", export: "Export", roles: { other: "Other", near: "Near", far: "Far", reference: "Reference", handle_before: "Before", handle_after: "After" } },
  split: { open: "Split screen", close: "Leave split screen", sizes: "Other sizes", keySizes: "split screen: other sizes", keyBars: "split screen: move its left, right bar", bars: ["bar between map and timeline", "bar between timeline and evidence"], show: "show on the map", caseplace: "tells no place: the case's is shown", missing: "no picture of this side yet" },
  answers: {
    title: "Who told of it, and their answers", pending: (n) => `${n} to be answered`, waits: "not answered yet", noWords: "Answered, without words", more: (n) => `Show ${n} more`,
    channels: { app: "app", web: "web", phone: "telephone", hotline: "hotline", grid: "grid worker", department: "department", video: "video", drone: "drone" },
  },
  gateways: {
    text: "Where nobody answers a case or an alarm, the pack's ladders call one person after the other. Messages and calls are handed to the connections named here; where none is set the ladder says so and goes on.", ladders: "Ladders (of the pack)", noLadders: "The pack has no ladders", starts: "Started by", whom: "Whom first", persons: "Persons of each unit", rungs: "Means and wait", lead: "the lead department", centres: ["the city's centre", "the town's centre", "the village's centre"], alarms: (n) => `alarms of priority ${n} and above`,
    gateways: "Gateways", means: "Means", connection: "Connection", none: "none", unset: "not set", saved: "Gateways saved", test: "Test", testText: "Have the gateway reach a number, with words that say that it is a test. Give your own.", phone: "Number", tested: "Handed over: see below what became of it", calls: "What was handed to a gateway", refresh: "Refresh", noCalls: "Nothing was handed to a gateway yet", case: "Case", trial: "test",
  },
  bulk: {
    chosen: (n) => `${n} chosen`, none: "Clear", act: "Do to all", step: "What", most: (n) => `at most ${n} at once`, would: (n) => `${n} will be done`, wouldNot: (n) => `${n} will be left as they are`, canUndo: "can be undone", cannotUndo: "cannot be undone", did: (n) => `${n} done`, didNot: (n) => `${n} not done`, doIt: "Do it", look: "See what will happen", reason: "Reason", text: "Note", undone: (n, of) => `${n} of ${of} undone`, select: "Choose",
    steps: { accept: "Accept", note: "Note", urge: "Urge", assign: "Assign owner", file: "File", order: "Send order", transfer: "Transfer", grade: "Set level", escalate: "Raise level", suspend: "Suspend", resume: "Resume", supervise: "Supervise", check: "Check: passed", void: "Void", merge: "Merge" }, into: "Which case the others go into", stays: "stays", joins: "goes into it", willMerge: (n, into) => `${n} will go into ${into}, all or none`, merged: (n, into) => `${n} into ${into}`, keySelect: "choose, or not", keyBulk: "do to all chosen", keyFilters: "saved filters", keyQueue: "another queue",
  },
  room: {
    title: "Command room", enter: "Command room", back: "Back to the case", here: "In the room", nobody: "Nobody is in", log: "Log", say: "Write to the log; Enter sends", send: "Send", tasks: "Tasks", newTask: "New task", taskText: "What is to be done", taskUnit: "Whose it is", done: "Done", again: "Not done", doneBy: (who, when) => `done by ${who}, ${when}`, noTasks: "No task yet", orders: "Orders", order: "Send an order",
    draw: "Draw", point: "Point", line: "Line", area: "Area", drawing: "Click to set corners, Enter ends, Esc gives up", drawText: "What it means", erase: "Erase", rename: "Change words", drawings: "Drawings", noDrawings: "No drawing yet",
    mild: "This case is not grave enough to have a room by itself", closed: "The case is over: the room can only be read", open: "Open a room", openWhy: "Why", first: "Somebody else was first; this is how it is now: look again", keys: "d p / d l / d a draw · n log · k task · o order",
    colon: ": ",
    did: { open: "opened the room", say: "", task: "asked for", task_done: "done", task_again: "not done after all", draw: "drew", redraw: "changed", erase: "erased", enter: "came in", leave: "left" },
  },
};
