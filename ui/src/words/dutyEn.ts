import type { DutyWords } from "./dutyZh";

export const dutyEn: DutyWords = {
  print: "Print the case file", prints: "Printed", printedBy: (who, when) => `${who}, ${when}`, printMark: (mark) => `print ${mark}`, noPrints: "Not printed yet", printVersion: (n) => `version ${n} of the case`,
};
