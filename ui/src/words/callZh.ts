// Words of taking a call at the desk.
export const callZh = {
  title: "登记来电", open: "登记来电", key: "登记来电或来访", hint: "有人来电时按 i 登记。", what: "反映的问题", whatHint: "按来电人的原话记录", matter: "事项", matterHint: "输入名称或编码；留空由系统判断", matterLikely: "可能是", matterNone: "没有这样的事项，可以留空", change: "更换",
  where: "地点", address: "地址或地标", addressHint: "小区、道路、门牌或路口", division: "区划", anywhere: "按地址判断", pin: "在地图上标注", unpin: "取消标注", pinned: (metres: number) => (metres ? `已标注，精度约 ${metres} 米` : "已标注"),
  who: "来电人", name: "称呼", phone: "电话", confidential: "要求保密", masked: "姓名和电话登记后一律脱敏显示，查看须说明理由并留痕。", channel: "渠道", urgency: "紧急程度", urgencies: { ordinary: "一般", urgent: "紧急", critical: "特急" } as Record<string, string>,
  same: "可能是同一件事", none: "在办案件中没有相近的", looking: "正在比对……", unseen: "未能比对：连不上服务器。可照常登记，是否并案由系统判断。", waiting: "边填边比对在办案件：地点、事项、文字", use: "用它的事项和地点", signals: (n: number) => `${n} 个信号`,
  begun: "这是之前写了一半的登记。", anew: "重新填写", stillHere: "填写的内容还在，可再次登记",
  save: "登记", textNeeded: "请先写明反映的问题", placeNeeded: "请写地址、选区划或在地图上标注，否则无法派遣", taken: "已登记", waitsCase: "正在立案或并案", opened: (number: string) => `已立案 ${number}`, joined: (number: string) => `已并入 ${number}`, slow: "尚未立案，可稍后在案件列表查看", show: "查看案件", next: "登记下一个",
};
export type CallWords = typeof callZh;
