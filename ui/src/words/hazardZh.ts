// Words of the page of the hazard ledger.
export const hazardZh = {
  title: "隐患台账", short: "隐患", none: "没有符合条件的隐患", noneHint: "可手工登记、从案件登记或导入 CSV", noLedger: "城市包没有 hazards.toml，不建台账", enter: "登记隐患", import: "导入 CSV", importHint: "表头：title, kind, grade, division；可选 number, address, lon, lat, department, measures, due", imported: (n: number, again: number) => `已登记 ${n} 条，${again} 条此前已有`, faulty: "文件有误，未登记任何一条", back: "返回列表", more: "更多",
  stands: "未销号", to_sign: "待验收", overdue: "整改超期", unlooked: "检查超期", major: "重大", all: "全部", closed: "已销号", stage: { open: "整改中", rectified: "待验收", closed: "已销号", void: "已作废" } as Record<string, string>,
  name: "隐患", kind: "类别", grade: "等级", place: "区划", address: "详细地址", department: "责任部门", departmentHint: "留空时按权责清单", measures: "整改与防控措施（每行一条）", due: "整改期限", dueHint: "留空时按等级以工作日推算", checkDue: "下次检查", checked: "上次检查", who: (steps: string) => `由谁${steps}`, takes: { check: "检查", rectify: "整改", sign: "验收" } as Record<string, string>, source: "来源", fromCase: (c: string) => `案件 ${c}`, fromFile: (n: string) => `导入 ${n}`, entered: "登记", search: "搜索",
  late: (span: string) => `超期 ${span}`, left: (span: string) => `还有 ${span}`, rejected: (n: number) => `退回整改 ${n} 次`, extended: (n: number) => `延期 ${n} 次`, history: "过程记录", files: "照片与文件", before: "整改前", after: "整改后", other: "其他", attach: "上传照片", attached: "已上传", ownWork: "整改人不能验收自己的整改",
  steps: { enter: "登记", measure: "修改措施", evidence: "上传", check: "检查", rectify: "整改完成", assign: "改派", grade: "定级", sign: "验收销号", reject: "退回整改", extend: "延期", void: "作废", reopen: "重新启用", reckon: "按新日历重算时限" } as Record<string, string>,
  result: "检查结果", results: { unchanged: "无变化", better: "减轻", worse: "加重", gone: "已消除" } as Record<string, string>, note: "说明", reason: "原因", done: "已记录", dueDay: "新期限（年-月-日）", save: "登记", saved: "已登记",
};
export type HazardWords = typeof hazardZh;
