// Words of a day of work: roster, absence, being called, handing over.
export const shiftZh = {
  duty: "值班", goDuty: "到值班表", answerKey: "应答正在找你的联络",
  posts: { duty_officer: "值班员", duty_leader: "带班领导", desk: "坐席", grid_worker: "网格员", grid_leader: "网格长", repair: "抢修", crew: "班组", watch_keeper: "值班员", duty: "值班" } as Record<string, string>,
  week: "一周值班", thisWeek: "本周", before: "上一周", after: "下一周", department: "单位", now: "当前值班", nobody: "无人值班", nobodyNow: "现在无人值班", noAccounts: (who: string[]) => `值班表上的这些人在本市没有账号，应用无法联络：${who.join("、")}。请安全管理员按这些名称建账号（管理·账号），或由排班人员改用已有账号（管理·值班表）。`, insteadOf: (who: string) => `代 ${who}`, awayOf: (who: string) => `${who} 缺勤`, today: "今天", noShifts: "这一周没有排班", order: (n: number) => `第 ${n} 顺位`,
  absences: "缺勤与替班", noAbsences: "没有缺勤", record: "登记缺勤", who: "谁缺勤", since: "从", until: "到", why: "原因", substitute: "替班人", noSubstitute: "不安排替班", free: "有空", recorded: "缺勤已登记，立即生效", undone: "缺勤已撤销", undo: "撤销", isUndone: "已撤销", uncovered: (n: number) => `${n} 个班次无人`, by: (who: string, when: string) => `${who} 登记，${when}`, duties: (n: number) => `期间有 ${n} 个班次`, noDuties: "期间没有班次",
  proposed: { post: "同岗位", department: "同单位", above: "上级单位" } as Record<string, string>,
  clash: { absent: "本人缺勤", on_post: "另有班次", stands_in: "已替他人" } as Record<string, string>, until_: (from: string, to: string) => `${from} 至 ${to}`,
  called: "正在找你", calling: (who: string) => `正在联络 ${who}`, morePeople: (n: number) => `另有 ${n} 人`, exhausted: "联络到头，无人应答", strangers: "值班人员都没有账号，无人可以联络", strangersHelp: "（办法见“值班”页）", answer: "应答", answered: (who: string, when: string) => `${who} 已应答，${when}`, more: (n: number) => `另有 ${n} 件`, next: (t: string) => `${t} 后找下一步`, answeredToast: "已应答，联络停止", phoned: "对方已接电话", phonedText: "对方已在电话中应答：联络停止，案件记下应答人和记录人。", phonedWho: "接电话的人", keyHanded: "交接单：上一项 / 下一项，确认这一项，全部确认并接班",
  contacts: "联络", noContacts: "没有联络",
  means: { app: "应用", message: "短信", call: "电话" } as Record<string, string>,
  outcome: { shown: "已显示给本人", desk: "本人未登录，已显示在值班席", nobody_in_app: "无人登录", no_account: "没有账号", handed_over: "已交网关", no_provider: "未设置通道，未发出", no_number: "没有号码，未发出" } as Record<string, string>,
  gateway: { waiting: "正交网关", done: "网关已接收", dead: "网关未接收", discarded: "已放弃", unknown: "已无记录" } as Record<string, string>,
  states: { running: "联络中", answered: "已应答", exhausted: "无人应答", replaced: "已由更紧急的联络接替", over: "已不再需要" } as Record<string, string>,
  causes: { level: "因案件等级", alarm: "因告警无人确认", advice: "规则建议的等级高于人工定级" } as Record<string, string>,
  open: "将交出的事项", nothingOpen: "没有未办事项", receiver: "接班人", pickReceiver: "选择接班人，或输入账号", note: "交班记录", noteHint: "写明要注意的事", sign: "签名交班", handed: "已签名交班，接班确认前仍由你负责", responsible: (who: string) => `${who} 负责`, waiting: (who: string, n: number, of: number) => `待 ${who} 确认（${n} / ${of}）`, taken: (who: string, when: string) => `${who} 已接班，${when}`, confirm: "确认", confirmAll: "全部确认并接班", confirmed: "已确认", took: "已接班，由你负责", withdraw: "撤回交班", withdrew: "已撤回，仍由你负责", withdrawn: (who: string, when: string) => `${who} 已撤回，${when}`, print: "打印", back: "返回", log: "交接记录", detail: "查看", items: "交接事项", signatures: "签名", gave: "交班", received: "接班", digest: "摘要", printedAt: (when: string) => `打印于 ${when}`,
  kinds: { note: "记录", case: "案件", alarm: "告警", contact: "联络", more: "其余" } as Record<string, string>,
  due: (when: string) => `${when} 到期`,
  remindOver: (who: string, post: string, when: string) => `${who}（${post}）${when} 已下班，还没有交班`, remindSoon: (who: string, post: string, when: string) => `${who}（${post}）${when} 下班，请交班`, nextIs: (who: string) => `接班：${who}`, handNow: "去交班",
};
export type ShiftWords = typeof shiftZh;
