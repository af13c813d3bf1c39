// Fonts that come with the product: Chinese shows on a machine without Chinese fonts and without a
// network. The letters that the pages and packs use are in one file (`ui/face.py` makes it); all others
// are split by Unicode range, so that a browser takes only the parts it needs of what people wrote.
import "@fontsource-variable/noto-sans-sc/wght.css";
import "../../.face/letters.css"; // after it: of two that have a letter, the later one counts
import "@fontsource/barlow-semi-condensed/latin-500.css";
import "@fontsource/barlow-semi-condensed/latin-600.css";

export const TEXT_FACE = "Noto Sans SC Variable";

type Ranges = [number, number][];
function rangesOf(face: FontFace): Ranges {
  return face.unicodeRange.split(",").map((one) => {
    const [first = "0", last = first] = one.trim().slice(2).split("-");
    return [parseInt(first, 16), parseInt(last, 16)];
  });
}

/** Load the parts of the text face that `words` need; a canvas, unlike a page, does not ask. Of two
 * parts that have a letter the later is taken, as on a page: `document.fonts.load` would take both. */
export async function loadFace(words: string): Promise<void> {
  let letters = [...new Set(words)].map((one) => one.codePointAt(0) ?? 0);
  const wanted: Promise<FontFace>[] = [];
  for (const face of [...document.fonts].reverse()) {
    if (!letters.length) break;
    if (face.family.replace(/["']/g, "") !== TEXT_FACE) continue;
    const ranges = rangesOf(face);
    const rest = letters.filter((one) => !ranges.some(([first, last]) => first <= one && one <= last));
    if (rest.length < letters.length) wanted.push(face.load());
    letters = rest;
  }
  try {
    await Promise.all(wanted);
  } catch (reason) {
    // The line broke on the way: the labels are drawn with what is there.
    console.warn("a part of the face did not come", reason);
  }
}
