// The least of a vector tile encoder: points with number and string properties, one layer.
const varint = (n) => {
  const out = [];
  while (n > 127) { out.push((n & 127) | 128); n = Math.floor(n / 128); }
  out.push(n);
  return out;
};
const field = (number, bytes) => [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes];
const zigzag = (n) => (n << 1) ^ (n >> 31);
const text = (s) => [...Buffer.from(s, "utf8")];

export function tile(points) {
  const keys = [];
  const values = [];
  const features = points.map(({ x, y, properties }) => {
    const tags = [];
    for (const [k, v] of Object.entries(properties)) {
      if (!keys.includes(k)) keys.push(k);
      let at = values.indexOf(v);
      if (at < 0) at = values.push(v) - 1;
      tags.push(...varint(keys.indexOf(k)), ...varint(at));
    }
    const geometry = [9, ...varint(zigzag(x)), ...varint(zigzag(y))];
    return field(2, [...field(2, tags), ...[0x18, 1], ...field(4, geometry)]);
  });
  const layer = [
    ...[0x78, 2], ...field(1, text("devices")), ...features.flat(),
    ...keys.flatMap((k) => field(3, text(k))),
    ...values.flatMap((v) => field(4, typeof v === "number" ? [0x28, ...varint(v)] : field(1, text(v)))),
    ...[0x28, ...varint(4096)],
  ];
  return Buffer.from(field(3, layer));
}
