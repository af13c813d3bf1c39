// What /field needs beside its chunks: the service worker with the list of the app's files in it,
// and the icons, drawn here from the same shapes as `public/mark.svg`.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";
import { build, type Plugin } from "vite";

const SHELL = ["pages/field/FieldPage.vue", "pages/login/LoginPage.vue"];
const ICONS: [string, number, number][] = [["icons/field-192.png", 192, 1], ["icons/field-512.png", 512, 1], ["icons/field-mask-512.png", 512, 0.72], ["icons/field-180.png", 180, 1]];

export function field(): Plugin {
  return {
    name: "tianmu-field",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      async handler(_, bundle) {
        const chunks = Object.values(bundle).filter((one) => one.type === "chunk");
        const wanted = new Set<string>();
        const take = (name: string): void => {
          if (wanted.has(name)) return;
          wanted.add(name);
          const held = bundle[name];
          if (held?.type !== "chunk") return;
          held.imports.forEach(take);
          const met = (held as unknown as { viteMetadata?: { importedCss: Set<string>; importedAssets: Set<string> } }).viteMetadata;
          met?.importedCss.forEach((one) => wanted.add(one));
        };
        for (const one of chunks) if (one.isEntry || SHELL.some((page) => one.facadeModuleId?.endsWith(page))) take(one.fileName);
        // numerals in their own face; Chinese is drawn by the phone's, which has one
        for (const name of Object.keys(bundle)) if (/barlow.*\.woff2$/.test(name)) wanted.add(name);
        for (const [name, size, share] of ICONS) this.emitFile({ type: "asset", fileName: name, source: icon(size, share) });
        const files = ["/field", "/field.webmanifest", "/mark.svg", "/icons/field-192.png", ...[...wanted].sort().map((one) => `/${one}`)];
        const page = bundle["index.html"];
        const version = createHash("sha256").update(JSON.stringify(files)).update(page?.type === "asset" ? page.source : "").digest("hex").slice(0, 12);
        this.emitFile({ type: "asset", fileName: "worker.js", source: await worker(version, files) });
      },
    },
  };
}

async function worker(version: string, files: string[]): Promise<string> {
  const source = fileURLToPath(new URL("./src/field/worker.ts", import.meta.url));
  const made = await build({
    configFile: false,
    logLevel: "error",
    publicDir: false,
    define: { __VERSION__: JSON.stringify(version), __FILES__: JSON.stringify(files) },
    build: { write: false, target: "es2022", modulePreload: false, lib: { entry: source, formats: ["iife"], name: "worker", fileName: () => "worker.js" } },
  });
  const output = (Array.isArray(made) ? made : [made]).flatMap((one) => ("output" in one ? one.output : []));
  const chunk = output.find((one) => one.type === "chunk");
  if (chunk?.type !== "chunk") throw new Error("the service worker was not built");
  return chunk.code;
}

// -- icons: distances to the mark's shapes on its 32 × 32 ground, four samples a pixel ----------------

type Colour = [number, number, number];
const GROUND: Colour = [0x12, 0x17, 0x1d];
const INK: Colour = [0xdf, 0xe6, 0xec];
const FAINT: Colour = [0x7e, 0x8c, 0x9a];

function colourAt(x: number, y: number): Colour {
  const far = Math.hypot(x - 16, y - 19);
  if (far <= 4.2 || (y <= 19 && Math.abs(far - 12) <= 1.3)) return INK;
  if ([4, 28].some((end) => Math.hypot(x - end, y - 19) <= 1.3)) return INK;
  return Math.hypot(Math.max(8 - x, 0, x - 24), y - 25.5) <= 1.1 ? FAINT : GROUND;
}

/** The mark at `share` of a full-bleed square (launchers cut a circle out of a masked one). */
function icon(size: number, share: number): Uint8Array {
  const rows = Buffer.alloc(size * (size * 3 + 1));
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const sum = [0, 0, 0];
      for (const [dx, dy] of [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]] as const) {
        const x = (((column + dx) / size - 0.5) / share + 0.5) * 32;
        const y = (((row + dy) / size - 0.5) / share + 0.5) * 32;
        colourAt(x, y).forEach((one, n) => (sum[n]! += one / 4));
      }
      sum.forEach((one, n) => (rows[row * (size * 3 + 1) + 1 + column * 3 + n] = Math.round(one)));
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 2, 0, 0, 0], 8); // 8 bits, true colour
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), part("IHDR", head), part("IDAT", deflateSync(rows, { level: 9 })), part("IEND", Buffer.alloc(0))]);
}

function part(name: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), content]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(content.length, 0);
  ends.writeUInt32BE(crc(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

function crc(bytes: Buffer): number {
  let held = ~0;
  for (const one of bytes) {
    held ^= one;
    for (let bit = 0; bit < 8; bit++) held = (held >>> 1) ^ (held & 1 ? 0xedb88320 : 0);
  }
  return ~held >>> 0;
}
