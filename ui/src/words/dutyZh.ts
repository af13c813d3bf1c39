// The desk's own words: printing, queues, bulk deeds, command room, contact ladders.
export const dutyZh = {
  print: "打印案件档案", prints: "打印记录", printedBy: (who: string, when: string) => `${who}，${when}`, printMark: (mark: string) => `编号 ${mark}`, noPrints: "尚未打印", printVersion: (n: number) => `案件版本 ${n}`,
};
export type DutyWords = typeof dutyZh;
