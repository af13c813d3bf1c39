// Words of anomaly detection: the band beside a measured value, what an alarm was, the thresholds.
export const anomalyZh = {
  usual: "正常范围", learning: "学习中", unusualSince: (when: string) => `自 ${when} 起异常`, expected: "预期值", band: "正常范围", chance: "罕见程度", odds: (n: string) => `约每 ${n} 个数值出现一次`, rarest: "不到十亿分之一", since: "异常起始", ended: "恢复正常", was: "核实结果", nobody: "尚未核实", real: "属实", false: "误报", judgedBy: (who: string, when: string) => `${who} · ${when}`, said: "已记录，阈值随之调整",
  missed: "应报未报", missedTitle: "报告一次漏报", missedText: (what: string) => `${what} 曾出现异常但没有告警。同类设备的阈值会因此放宽。`, reason: "说明（可不填）",
  why: { above: "偏高", below: "偏低", "drifts up": "持续偏高", "drifts down": "持续偏低", stuck: "长时间不变" } as Record<string, string>,
  title: "异常检测", hint: "每个数据流各自学习日、周规律；同类设备共用一个可容忍的每周误报数。告警先按误报计，直到有人核实；核实为误报则阈值更严，核实属实或报告漏报则更宽。数值均为默认值，由城市设定。", kind: "设备类型", tolerable: "可容忍误报 / 周", learnt: "已学习数据流", lastWeek: "近一周告警", counts: "误报 / 属实 / 漏报", stands: "当前阈值", alone: "等于可容忍率", stricter: (x: string) => `严 ${x} 倍`, laxer: (x: string) => `宽 ${x} 倍`, each: (x: string) => `单个数据流约每 ${x} 周一次`, because: "最近一次变动", by: { told: "发出告警", false: "核实为误报", real: "核实属实", missed: "报告漏报" } as Record<string, string>, untouched: "未变动", observations: (n: string) => `已学习 ${n} 条观测`, bounds: (most: string, least: string) => `最严 ${most} 倍，最宽 ${least} 倍`,
};
export type AnomalyWords = typeof anomalyZh;
