// Where the towns' names stand, for packs that do not say it.

/** The middle of each town's largest ring: a label for towns whose point nobody knows. */
export async function townMiddles(): Promise<Map<string, [number, number]>> {
  const found = new Map<string, [number, number]>();
  const answer = await fetch("/api/city/map/towns.geojson").catch(() => null);
  if (!answer?.ok) return found;
  interface Town { properties: { code?: string; division?: string }; geometry: { type: string; coordinates: unknown } }
  for (const town of ((await answer.json()) as { features: Town[] }).features) {
    const rings = (town.geometry.type === "Polygon" ? [town.geometry.coordinates] : town.geometry.coordinates) as [number, number][][][];
    const ring = rings.map((polygon) => polygon[0] ?? []).sort((a, b) => b.length - a.length)[0] ?? [];
    let area = 0;
    let x = 0;
    let y = 0;
    ring.forEach(([x1, y1], i) => {
      const [x2, y2] = ring[(i + 1) % ring.length] ?? [x1, y1];
      const cross = x1 * y2 - x2 * y1;
      area += cross;
      x += (x1 + x2) * cross;
      y += (y1 + y2) * cross;
    });
    const code = town.properties.division || town.properties.code;
    if (code && area) found.set(code, [x / (3 * area), y / (3 * area)]);
  }
  return found;
}
