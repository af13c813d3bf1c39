// The desk's own words: printing, queues, bulk deeds, command room, contact ladders.
export const dutyZh = {
  print: "打印案件档案", prints: "打印记录", printedBy: (who: string, when: string) => `${who}，${when}`, printMark: (mark: string) => `编号 ${mark}`, noPrints: "尚未打印", printVersion: (n: number) => `案件版本 ${n}`,
  queues: { all: "全部", overdue: "超时", soon: "即将到期", today: "今日到期", disputed: "权责争议", nobody: "无主办", returned: "退回", mine: "本部门" } as Record<string, string>, queuesLabel: "按期限和待办分组",
  filters: "保存的筛选", keepFilter: "保存当前筛选", filterName: "名称", share: "与同岗位共享", shareNo: "仅自己", shareYes: "同岗位可见", dropFilter: "删除", noFilters: "还没有保存的筛选", sharedBy: (who: string) => `${who} 共享`,
  evidence: { shows: "证据内容", export: "导出", roles: { other: "其他", near: "近景", far: "远景", reference: "参照", handle_before: "处置前", handle_after: "处置后" } as Record<string, string> },
  split: { open: "分屏", close: "退出分屏", sizes: "换比例", keySizes: "分屏：换比例", keyBars: "分屏：移动左、右分隔条", bars: ["地图与过程之间的分隔条", "过程与证据之间的分隔条"] as [string, string], show: "在地图上显示", caseplace: "该记录没有位置，显示案件位置", missing: "还没有这一侧的照片" },
  answers: {
    title: "上报人与答复", pending: (n: number) => `${n} 人待答复`, waits: "待答复", noWords: "已答复，无说明", more: (n: number) => `再显示 ${n} 人`,
    channels: { app: "应用", web: "网页", phone: "电话", hotline: "热线", grid: "网格", department: "部门", video: "视频", drone: "无人机" } as Record<string, string>,
  },
  gateways: {
    text: "案件或告警无人应答时，按城市配置的联络逐级找人。短信与电话交由所选对接发出；没有设置时如实说明并找下一步。", ladders: "联络（城市配置）", noLadders: "城市配置没有联络", starts: "何时启动", whom: "先找谁", persons: "每单位人数", rungs: "方式与等待", lead: "主办单位", centres: ["市级指挥中心", "镇街指挥中心", "村社区指挥中心"], alarms: (n: number) => `告警优先级 ${n} 及以上`,
    gateways: "联络网关", means: "方式", connection: "对接", none: "不设置", unset: "未设置", saved: "联络网关已保存", test: "测试", testText: "请网关联络一个号码，内容注明是测试。请填写您自己的号码。", phone: "号码", tested: "已交网关，结果见下方", calls: "交给网关的联络", refresh: "刷新", noCalls: "还没有交给网关的联络", case: "案件", trial: "测试",
  },
  bulk: {
    chosen: (n: number) => `已选 ${n} 件`, none: "清除选择", act: "批量操作", step: "操作", most: (n: number) => `一次最多 ${n} 件`, would: (n: number) => `将对 ${n} 件执行`, wouldNot: (n: number) => `${n} 件不会执行`, canUndo: "执行后可撤销", cannotUndo: "执行后不能撤销", did: (n: number) => `${n} 件已执行`, didNot: (n: number) => `${n} 件未执行`, doIt: "确认执行", look: "预览", reason: "理由", text: "备注内容", undone: (n: number, of: number) => `已撤销 ${n} / ${of} 件`, select: "选择",
    steps: { accept: "签收", note: "备注", urge: "催办", assign: "指定主办", file: "立案", order: "派遣", transfer: "转办", grade: "定级", escalate: "升级", suspend: "挂起", resume: "恢复", supervise: "督办", check: "核查通过", void: "作废", merge: "合并" } as Record<string, string>, into: "其余案件并入哪一件", stays: "保留", joins: "并入", willMerge: (n: number, into: string) => `将把 ${n} 件并入 ${into}，全部执行或全不执行`, merged: (n: number, into: string) => `${n} 件并入 ${into}`, keySelect: "选中或取消", keyBulk: "批量操作", keyFilters: "保存的筛选", keyQueue: "换分组",
  },
  room: {
    title: "指挥室", enter: "进入指挥室", back: "返回案件", here: "在场", nobody: "目前没有人在场", log: "记录", say: "写入记录，回车发送", send: "发送", tasks: "任务", newTask: "布置任务", taskText: "任务内容", taskUnit: "责任部门", done: "完成", again: "重开", doneBy: (who: string, when: string) => `${who} 完成，${when}`, noTasks: "还没有任务", orders: "派遣单", order: "派遣",
    draw: "标绘", point: "点", line: "线", area: "面", drawing: "单击地图取点，回车完成，Esc 取消", drawText: "标注文字", erase: "删除标绘", rename: "改文字", drawings: "标绘", noDrawings: "还没有标绘",
    mild: "本案等级未达到自动开设指挥室的标准", closed: "案件已结束，指挥室只读", open: "开设指挥室", openWhy: "开设理由", first: "别人先改了，已显示最新状态，请再看一遍", keys: "d p / d l / d a 标绘 · n 记录 · k 任务 · o 派遣",
    colon: "：",
    did: { open: "开设指挥室", say: "", task: "布置任务", task_done: "完成任务", task_again: "重开任务", draw: "标绘", redraw: "修改标绘", erase: "删除标绘", enter: "进入", leave: "离开" } as Record<string, string>,
  },
};
export type DutyWords = typeof dutyZh;
