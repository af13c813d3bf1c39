// A voice note: recorded by the browser, a minute at most, pieces kept as they come.
const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
export const LONGEST = 60_000;

export interface Recording {
  stop(): void;
  done: Promise<Blob>;
}

export function canRecord(): boolean {
  return typeof MediaRecorder !== "undefined" && Boolean(navigator.mediaDevices?.getUserMedia);
}

export async function record(): Promise<Recording> {
  const sound = await navigator.mediaDevices.getUserMedia({ audio: true });
  const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one));
  const recorder = new MediaRecorder(sound, type ? { mimeType: type, audioBitsPerSecond: 24_000 } : undefined);
  const pieces: Blob[] = [];
  recorder.ondataavailable = (event): void => void pieces.push(event.data);
  const end = window.setTimeout(() => recorder.state !== "inactive" && recorder.stop(), LONGEST);
  const done = new Promise<Blob>((resolve, reject) => {
    recorder.onstop = (): void => {
      window.clearTimeout(end);
      sound.getTracks().forEach((track) => track.stop());
      resolve(new Blob(pieces, { type: (recorder.mimeType || "audio/webm").split(";")[0] }));
    };
    recorder.onerror = (): void => reject(new Error("recording broke off"));
  });
  recorder.start(1000);
  return { stop: () => recorder.state !== "inactive" && recorder.stop(), done };
}
