import type { DutyWords } from "./dutyZh";

export const dutyEn: DutyWords = {
  print: "Print the case file", prints: "Printed", printedBy: (who, when) => `${who}, ${when}`, printMark: (mark) => `print ${mark}`, noPrints: "Not printed yet", printVersion: (n) => `version ${n} of the case`,
  room: {
    title: "Command room", enter: "Command room", back: "Back to the case", here: "In the room", nobody: "Nobody is in", log: "Log", say: "Write to the log; Enter sends", send: "Send", tasks: "Tasks", newTask: "New task", taskText: "What is to be done", taskUnit: "Whose it is", done: "Done", again: "Not done", doneBy: (who, when) => `done by ${who}, ${when}`, noTasks: "No task yet", orders: "Orders", order: "Send an order",
    draw: "Draw", point: "Point", line: "Line", area: "Area", drawing: "Click to set corners, Enter ends, Esc gives up", drawText: "What it means", erase: "Erase", rename: "Change words", drawings: "Drawings", noDrawings: "No drawing yet",
    mild: "This case is not grave enough to have a room by itself", closed: "The case is over: the room can only be read", open: "Open a room", openWhy: "Why", first: "Somebody else was first; this is how it is now: look again", keys: "d p / d l / d a draw · n log · k task · o order",
    colon: ": ",
    did: { open: "opened the room", say: "", task: "asked for", task_done: "done", task_again: "not done after all", draw: "drew", redraw: "changed", erase: "erased", enter: "came in", leave: "left" },
  },
};
