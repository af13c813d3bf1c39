// China's shifted coordinates, which the map apps there want: the same public reconstruction as
// `tianmu.city.place.coordinates` (within a metre or two of the real GCJ-02).
const A = 6378245.0;
const EE = 0.00669342162296594323;

export function inChina(longitude: number, latitude: number): boolean {
  return longitude >= 72.004 && longitude <= 137.8347 && latitude >= 0.8293 && latitude <= 55.8271;
}

export function toGcj02(longitude: number, latitude: number): [number, number] {
  if (!inChina(longitude, latitude)) return [longitude, latitude];
  const { sin, cos, sqrt, abs, PI } = Math;
  const x = longitude - 105;
  const y = latitude - 35;
  const root = sqrt(abs(x));
  const waves = ((20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2) / 3;
  const north =
    -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves + ((20 * sin(y * PI) + 40 * sin((y / 3) * PI)) * 2) / 3 + ((160 * sin((y / 12) * PI) + 320 * sin((y * PI) / 30)) * 2) / 3;
  const east =
    300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves + ((20 * sin(x * PI) + 40 * sin((x / 3) * PI)) * 2) / 3 + ((150 * sin((x / 12) * PI) + 300 * sin((x / 30) * PI)) * 2) / 3;
  const radians = (latitude / 180) * PI;
  const magic = 1 - EE * sin(radians) ** 2;
  const meridian = (A * (1 - EE)) / (magic * sqrt(magic));
  const parallel = (A / sqrt(magic)) * cos(radians);
  return [longitude + ((east / parallel) * 180) / PI, latitude + ((north / meridian) * 180) / PI];
}

/** The addresses that open a map app at a place, each in the coordinates that it takes. */
export function mapLinks(longitude: number, latitude: number, name: string): { phone: string; amap: string; baidu: string } {
  const round = (degrees: number): string => degrees.toFixed(6);
  const [east, north] = toGcj02(longitude, latitude).map(round) as [string, string];
  const label = encodeURIComponent(name.replace(/[(),]/g, " ").trim() || "·");
  const at = `${round(latitude)},${round(longitude)}`;
  const apple = /iPhone|iPad|Macintosh/.test(navigator.userAgent);
  return {
    // geo: is WGS 84 by definition (RFC 5870); Apple's maps shift by themselves
    phone: apple ? `https://maps.apple.com/?daddr=${at}&q=${label}` : `geo:${at}?q=${at}(${label})`,
    amap: `https://uri.amap.com/navigation?to=${east},${north},${label}&mode=car&coordinate=gaode&callnative=1&src=tianmu`,
    baidu: `https://api.map.baidu.com/direction?destination=latlng:${north},${east}|name:${label}&coord_type=gcj02&mode=driving&output=html&src=tianmu`,
  };
}
