// Fixtures for looking at the pages without a city: `npm run mock`, then open :8699/hall.
// Only for development; nothing of it is in the product.
import { readFileSync, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { tile } from "./tile.mjs";

const folder = process.env.TIANMU_MOCK_DATA ?? "../src/tianmu/cities/liyang";
const ui = "../src/tianmu/web/ui";
let seed = 7;
const random = () => ((seed = (seed * 16807) % 2147483647) / 2147483647);
const pick = (list) => list[Math.floor(random() * list.length)];
const at = (minutes) => new Date(Date.now() + minutes * 60000).toISOString().replace(/\.\d+Z/, ".000Z");
const t = (zh, en) => ({ zh, en: en ?? zh });

const rows = readFileSync(join(folder, "liyang_divisions.csv"), "utf8").trim().split("\n").slice(1).map((line) => line.split(","));
const divisions = rows.map((r) => ({ code: r[0], name: t(r[2]), kind: r[1], tier: r[1] === "town" ? 2 : 3, parent: r[3], lon: r[8] ? +r[8] : null, lat: r[9] ? +r[9] : null, precision: 500 }));
divisions.unshift({ code: "320481000000", name: t("溧阳市", "Liyang"), kind: "city", tier: 1, parent: "", lon: 119.48, lat: 31.42, precision: null });
const placed = divisions.filter((d) => d.lon && d.tier > 1);
const outlines = JSON.parse(readFileSync(join(folder, "outlines_cgcs2000.geojson"), "utf8"));
const outline = { type: "FeatureCollection", features: outlines.features.filter((f) => f.properties.name === "溧阳市") };
const departments = [["01", "消防救援大队"], ["02", "城市管理局"], ["03", "住房和城乡建设局"], ["04", "生态环境局"], ["05", "水利局"], ["06", "公安局"], ["07", "燃气公司"], ["08", "交通运输局"], ["09", "应急管理局"], ["10", "卫生健康局"]].map(([code, zh]) => ({ code, name: t(zh), kind: "department" }));
const levels = [["I", 1, "特别重大", "red"], ["II", 2, "重大", "orange"], ["III", 3, "较大", "yellow"], ["IV", 4, "一般", "blue"], ["V", 5, "日常", ""]].map(([name, number, zh, colour]) => ({ name, number, text: t(zh), colour, tier: 1 }));
const city = {
  code: "320481", name: t("溧阳市", "Liyang"), center: [119.43, 31.4], bbox: [119.13, 31.15, 119.6, 31.69], time_zone: "Asia/Shanghai", languages: ["zh", "en"], tiers: [1, 2, 3].map((number) => ({ number, name: t(["市", "镇", "村"][number - 1]) })),
  divisions, departments, kinds: [{ code: "gas", name: t("可燃气体探测器", "Gas detector"), category: "fire", icon: "gas", properties: [{ code: "lel", name: t("气体浓度", "Gas concentration"), unit: "%LEL" }] }], matters: [], profile: { name: "severity", levels }, notes: [t("镇区界线为近似", "Town borders are approximate")],
};
const titles = ["烟感火警", "燃气浓度超限", "河道水位超警戒", "污水井盖移位", "路灯成片熄灭", "占道经营", "道路积水", "工地扬尘超标", "电梯困人", "垃圾堆放", "二次供水浊度超标", "消防栓水压不足"];
const stages = ["verify", "file", "dispatch", "handle", "feed_back", "check"];
const place = () => { const d = pick(placed); return { longitude: d.lon + (random() - 0.5) * 0.04, latitude: d.lat + (random() - 0.5) * 0.03, precision: 30, division: d.code, address: "" }; };
let number = 0;
const newCase = (minutes) => {
  number += 1;
  const p = place();
  const d = pick(departments);
  const due = minutes + pick([20, 45, 120, 480, 1600, 4300]);
  const zh = pick(titles);
  return { case: `c${number}`, number: `20261123-${String(number).padStart(4, "0")}`, title: t(zh), matter: "m", matter_name: t(zh), level: pick(["II", "III", "III", "IV", "IV", "IV", "V", "V"]), stage: pick(stages), owner: d.code, owner_name: d.name, place: p, division: p.division, opened_at: at(minutes), due: at(due), overdue: due < 0, signals: 1 + Math.floor(random() * 4), origin: "seeded", probe: "", version: 1 };
};
const newAlarm = (i) => {
  const value = 20 + random() * 30;
  const p = place();
  return { alarm: `a${i}`, identity: `gas.high@dev-${i}/lel`, state: pick(["unacknowledged", "acknowledged", "acknowledged", "acknowledged", "shelved", "latched_unacknowledged"]), priority: pick([1, 2, 2, 3, 3, 3, 4, 4, 4]), severity: "III", rule: "gas.high", text: t(pick(["可燃气体浓度过高", "感烟探测器火警", "水位超过警戒", "井下液位过高", "站点超时未上报"]), "Gas concentration high"), device: `dev-${i}`, device_kind: "gas", datastream: `dev-${i}/lel`, value, limit: 25, unit: "%LEL", place: p, division_name: t("溧城街道"), raised_at: at(-random() * 300), observed_at: at(-random() * 300), acknowledged_by: null, shelved_until: null, count: 1, case: `c${1 + (i % 20)}`, origin: "seeded", test: false, probe: "", version: 1, actions: ["acknowledge", "shelve", "suppress", "remove_from_service"] };
};
const cases = new Map(Array.from({ length: 43 }, (_, i) => newCase(-i * 11 - 2)).map((c) => [c.case, c]));
const alarms = new Map(Array.from({ length: 27 }, (_, i) => newAlarm(i)).map((a) => [a.alarm, a]));
const points = Array.from({ length: 60000 }, () => { const d = pick(placed); const r = () => (random() + random() + random() - 1.5) * 0.06; return [d.lon + r(), d.lat + r() * 0.8]; });
let total = 18_204_331;
const vitals = () => {
  const list = [...cases.values()];
  const rate = Math.round(24000 + 3000 * Math.sin(Date.now() / 9000) + random() * 900);
  total += rate;
  const count = (by) => list.reduce((sum, c) => ({ ...sum, [c[by]]: (sum[c[by]] ?? 0) + 1 }), {});
  return {
    at: at(0), devices: { total: 50000, online: 49213 + Math.floor(random() * 20), silent: 771 }, observations: { total, per_second: rate },
    alarms: { active: alarms.size, unacknowledged: [...alarms.values()].filter((a) => a.state.includes("unack")).length, by_priority: [1, 2, 3, 4].map((p) => [...alarms.values()].filter((a) => a.priority === p).length) },
    cases: { open: list.length, today_opened: 128, today_closed: 85, overdue: list.filter((c) => c.overdue).length, by_level: count("level"), by_stage: count("stage") },
    departments: departments.map((d) => { const own = list.filter((c) => c.owner === d.code); return { code: d.code, name: d.name, open: own.length, overdue: own.filter((c) => c.overdue).length, due_soon: Math.floor(own.length / 3) }; }),
    nets: { manage: { open: list.length, overdue: 3, opened_today: 128, closed_today: 85 }, prevent: { alarms_active: alarms.size, alarms_today: 214, rules: 164, devices_silent: 771 }, serve: { reports_today: 342, answered_today: 203 }, evaluate: { days: 30, due: 900, closed: 880, closed_rate: 0.978, closed_in_time_rate: 0.964 }, learn: {} },
    not_yet: { learn: t("统学尚未建设，没有数据") },
    sources: [["air", "空气质量站（北京历史）", "transplanted", "mqtt", "speaking"], ["water", "水质自动站", "replayed", "hj212", "speaking"], ["fire", "消防主机", "seeded", "gbt26875", "speaking"], ["city", "城市感知（种子）", "seeded", "http", "speaking"], ["hotline", "12345 热线", "seeded", "http", "speaking"], ["gas", "燃气监测网", "real", "mqtt", "silent"]].map(([source, zh, origin, protocol, state], i) => ({ source, name: t(zh), origin, protocol, state, last_seen_at: at(-0.1), observations_total: [3_120_551, 88_412, 12_004, 14_982_000, 342, 0][i] })),
    lag: {},
  };
};
const session = { account: "duty", name: "李明", role: "duty_officer", roles: ["duty_officer"], scope: { division: "", department: "", tier: 1 }, permissions: ["city.read", "vitals.read", "push.read", "alarm.read", "alarm.acknowledge", "alarm.shelve", "alarm.service", "case.read", "case.command", "case.check", "case.merge", "case.note", "report.read", "device.read", "source.read", "handover.read", "handover.write", "account.read", "account.write", "role.grant", "organisation.read", "roster.read", "roster.write", "device.write", "source.write", "quarantine.read", "quarantine.write", "rule.read", "rule.test", "rule.publish", "pack.read", "pack.write", "audit.read"], language: "zh", kiosk: false, password: "good" };
const detail = (c) => ({
  ...c,
  events: [["open", "system", "由 2 个信号立案", ""], ["grade", "system", "定为 较大", "燃气泄漏，人员密集区"], ["assign", "system", `分派给 ${c.owner_name.zh}`, "权责清单 燃气 / 溧城街道"], ["order", "system", "派出抢修一组", ""], ["accept", "zhang", "已接单", ""], ["note", "duty", "", "已电话联系现场负责人，正在疏散一楼商户。"]].map(([step, actor, zh, reason], i) => ({ sequence: i + 1, step, stage: i < 3 ? "file" : c.stage, at: at(-40 + i * 6), actor, reason, data: {}, text: t(zh) })),
  members: [["alarm", "a1", "可燃气体浓度过高 38.2 %LEL", 1, ["首个信号"]], ["report", "r1", "市民来电：楼下闻到很重的煤气味", 0.91, ["相距 46 米", "相隔 3 分钟", "事项相关：燃气泄漏 / 异味"]]].map(([kind, id, text, score, reasons]) => ({ kind, id, at: at(-40), text: t(text), score, reasons: reasons.map((r) => t(r)), joined_at: at(-39) })),
  orders: [{ order: "o1", unit: "07", unit_name: t("燃气公司 抢修一组"), task: t("关阀、检测、抢修"), persons: [{ name: "张*", phone: "138****1122" }], state: "accepted", due: at(24), remaining: { value: 2, unit: "work_hour" } }, { order: "o2", unit: "01", unit_name: t("消防救援站"), task: t("到场警戒"), persons: [], state: "sent", due: at(-4), remaining: { value: -0.1, unit: "urgent_hour" }, overdue: true }],
  evidence: [], deadlines: [{ stage: "handle", due: at(24), limit: { value: 4, unit: "work_hour" }, remaining: { value: 2, unit: "work_hour" }, basis: "" }], actions: [["accept", "接单"], ["handle", "处置完成"], ["escalate", "升级"], ["note", "备注"], ["return", "退回"]].map(([step, zh]) => ({ step, label: t(zh), needs: ["reason"] })),
});
const page = (items) => ({ items, next: null, total: items.length });
const series = () => ({ device: "d", property: "lel", unit: "%LEL", points: Array.from({ length: 200 }, (_, i) => { const mean = 12 + 6 * Math.sin(i / 20) + random() * 3 + (i > 180 ? (i - 180) * 1.2 : 0); return { at: at((i - 200) * 7.2), value: mean, low: mean - 2 - random() * 2, high: mean + 2 + random() * 3, count: 9 }; }) });

function tilePoints(z, x, y) {
  const n = 2 ** z;
  const cells = new Map();
  const near = [];
  for (let i = 0; i < points.length; i++) {
    const [lon, lat] = points[i];
    const px = ((lon + 180) / 360) * n - x;
    const py = ((1 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) / 2) * n - y;
    if (px < 0 || py < 0 || px >= 1 || py >= 1) continue;
    if (z >= 13) near.push({ x: Math.floor(px * 4096), y: Math.floor(py * 4096), properties: { id: `dev-${i}`, alarm: 0, state: "online" } });
    else { const k = `${Math.floor(px * 64)},${Math.floor(py * 64)}`; cells.set(k, (cells.get(k) ?? 0) + 1); }
  }
  if (z >= 13) return near;
  // Sorted, since a delta-coded cursor is not used: each feature starts anew.
  return [...cells].map(([k, c]) => { const [a, b] = k.split(",").map(Number); return { x: a * 64 + 32, y: b * 64 + 32, properties: { n: c, worst: 0 } }; });
}

const listeners = new Set();
let cursor = 0;
const push = (event, data) => { cursor += 1; for (const r of listeners) r.write(`id: ${cursor}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`); };
setInterval(() => push("vitals", vitals()), 1000);
setInterval(() => {
  const c = newCase(0);
  cases.set(c.case, c);
  push("case", c);
  const old = pick([...cases.values()]);
  Object.assign(old, { stage: pick(stages), version: old.version + 1 });
  push("case", old);
}, 9000);

const answers = {
  "/api/session": () => ({ ...session, at: new Date().toISOString() }), "/api/about": () => ({ name: city.name, languages: city.languages, authority: false }), "/api/city": () => city, "/api/vitals": vitals,
  "/api/alarms": () => page([...alarms.values()]), "/api/cases": (q) => page([...cases.values()].filter((c) => !q.get("department") || c.owner === q.get("department"))),
  "/api/city/map/outline.geojson": () => outline, "/api/city/map/lakes.geojson": () => JSON.parse(readFileSync(join(folder, "lakes.geojson"), "utf8")),
  "/api/city/map/units.geojson": () => ({ type: "FeatureCollection", features: placed.slice(0, 20).map((d) => ({ type: "Feature", geometry: { type: "Point", coordinates: [d.lon + 0.01, d.lat] }, properties: { id: d.code, name: "x" } })) }),
};
const media = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".json": "application/json" };
createServer((request, response) => {
  const url = new URL(request.url, "http://x");
  const json = (body, status = 200) => { response.writeHead(status, { "Content-Type": "application/json" }); response.end(JSON.stringify(body)); };
  if (url.pathname === "/api/push") {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(`id: ${cursor}\nevent: hello\ndata: {"cursor":"${cursor}","version":"1"}\n\n`);
    listeners.add(response);
    request.on("close", () => listeners.delete(response));
    return;
  }
  const tiles = url.pathname.match(/tiles\/devices\/(\d+)\/(\d+)\/(\d+)/);
  if (tiles) { response.writeHead(200, { "Content-Type": "application/x-protobuf" }); response.end(tile(tilePoints(+tiles[1], +tiles[2], +tiles[3]))); return; }
  if (url.pathname.endsWith("/series")) return json(series());
  const one = url.pathname.match(/^\/api\/cases\/(\w+)$/);
  if (one && cases.has(one[1])) return json(detail(cases.get(one[1])));
  if (answers[url.pathname]) return json(answers[url.pathname](url.searchParams));
  if (url.pathname.endsWith(".geojson")) return json({ type: "FeatureCollection", features: [] });
  if (url.pathname.startsWith("/api/")) return json(request.method === "GET" ? page([]) : { title: "no such fixture", detail: url.pathname }, request.method === "GET" ? 200 : 404);
  const file = join(ui, url.pathname);
  const held = url.pathname !== "/" && existsSync(file) && statSync(file).isFile() ? file : join(ui, "index.html");
  response.writeHead(200, { "Content-Type": media[extname(held)] ?? "application/octet-stream" });
  response.end(readFileSync(held));
}).listen(8699, "127.0.0.1", () => console.log("http://127.0.0.1:8699/hall"));
