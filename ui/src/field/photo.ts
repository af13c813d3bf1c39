// A photo as it is sent: no larger than needed, without what the camera wrote into the file. When and
// where it was taken travel beside it.
const SIDE = 1600;
const QUALITY = 0.8;
/** bytes that must stay free on the phone, or nothing more is taken */
const SPARE = 30_000_000;

/** A JPEG of at most `SIDE` pixels a side; drawing it anew leaves EXIF behind. */
export async function smaller(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const share = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * share));
  canvas.height = Math.max(1, Math.round(picture.height * share));
  canvas.getContext("2d")!.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve, reject) => {
    canvas.toBlob((made) => (made ? resolve(made) : reject(new Error("the picture could not be drawn"))), "image/jpeg", QUALITY);
  });
}

/** Whether the phone has room for more, after asking it to keep what is here. */
export async function room(): Promise<boolean> {
  const store = navigator.storage;
  if (!store?.estimate) return true;
  void store.persist?.().catch(() => false);
  const { quota = 0, usage = 0 } = await store.estimate();
  return !quota || quota - usage > SPARE;
}
