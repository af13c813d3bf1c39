// Words of the pages of scenarios; what a scenario says of itself comes from its own folder.
export const scenarioZh = {
  title: "场景", all: "全部场景", none: "还没有场景", noneHint: "在 src/tianmu/scenarios 下新建文件夹即可增加场景", broken: "无法加载", alarmsOpen: (n: number) => `${n} 条活动告警`, incomplete: "城市包缺少部分定义", lacks: (codes: string) => `城市包中没有：${codes}`,
  now: "当前等级", asOf: (when: string) => `截至 ${when}`, unknown: "暂不能判定", byAlarms: "本场景按活动告警判断", calm: "没有活动告警", ahead: "未来趋势", hours: (n: number) => `${n} 小时`, persistence: "持续性预报，非气象预报", forecast: "按预报文件",
  figures: "关键数值", plan: "瞭望与处置安排", planNow: (n: number) => `当前等级应执行 ${n} 项`, from: (n: number) => `${n} 级起`, roles: "职责", nobody: "城市包没有指定责任部门", notes: "说明", devices: "设备", whole: "仅全市账号可见数量", charts: "曲线", noChart: "所选时段没有数据", noKind: "城市包没有这种设备或指标", chartKey: "线为每小时平均，带为最低至最高",
  alarms: "活动告警", noAlarms: "没有活动告警", cases: "在办案件", pictures: "案件图片", noCases: "没有在办案件", record: "历史成效", weeks: (n: number) => `近 ${n} 周`, hits: "命中", misses: "漏报", false: "误报", open: "未结", perWeek: "误报 / 周", lead: "提前量（中位）", leadNone: "没有可比的人工上报", noRecord: "这段时间没有已结案件，还不能评价", cut: "案件过多，只统计最近的部分", verdict: { hit: "命中", miss: "漏报", false: "误报", open: "未结" } as Record<string, string>, judged: "以结案为属实、作废为不实；没有本场景告警而属实的为漏报",
  models: "模型（可单独运行）", quality: "质量清单", done: "已完成", exempt: "豁免", why: "依据或原因", more: "更多", picture: "详情", alarm: "告警", case: "案件", reaches: "联系人", dutyCheck: "查岗", dutyHint: "向消防控制室查岗：值班员须在限定分钟内应答，结果记入主机记录", dutyAsked: "已下发查岗，结果稍后显示", minutes: "应答时限（1–255 分钟）", planOf: (what: string) => `${what} 平面图`, legend: "图例", spread: "风向蔓延方向",
};
export type ScenarioWords = typeof scenarioZh;
