// Fonts that come with the product: Chinese shows on a machine without Chinese fonts and without a
// network. The letters that the pages and packs use are in one file (`ui/face.py` makes it); all others
// are split by Unicode range, so that a browser takes only the parts it needs of what people wrote.
import "@fontsource-variable/noto-sans-sc/wght.css";
import "../../.face/letters.css"; // after it: of two that have a letter, the later one counts
import "@fontsource/barlow-semi-condensed/latin-500.css";
import "@fontsource/barlow-semi-condensed/latin-600.css";

export const TEXT_FACE = "Noto Sans SC Variable";

/** Load the parts of the text face that `words` need; a canvas, unlike a page, does not ask. */
export async function loadFace(words: string): Promise<void> {
  const letters = [...new Set(words)].join("");
  if (!letters) return;
  try {
    await document.fonts.load(`500 24px "${TEXT_FACE}"`, letters);
  } catch (reason) {
    // The line broke on the way: the labels are drawn with what is there.
    console.warn("a part of the face did not come", reason);
  }
}
