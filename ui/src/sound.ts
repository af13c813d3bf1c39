// The desk's alarm sound: two tones, again and again until somebody acknowledges. It is made here
// (no file), and a browser lets it sound only after the person has pressed a key for it once.
import { computed, ref, watch } from "vue";
import { alarmList, unacknowledged } from "@/live";

const KEPT = "tianmu.sound";
/** what the person wants */
export const wanted = ref(localStorage.getItem(KEPT) !== "off");
/** whether the browser lets it sound */
export const allowed = ref(false);
const LOUD = 2;

let context: AudioContext | null = null;
let timer = 0;

/** Urgent alarms that nobody has acknowledged; tests and drills never ring. */
export const ringing = computed(
  () => alarmList.value.filter((a) => a.priority <= LOUD && unacknowledged(a) && !a.test && !a.probe).length,
);

function tone(at: number, hertz: number, seconds: number): void {
  if (!context) return;
  const voice = context.createOscillator();
  const gain = context.createGain();
  voice.type = "triangle";
  voice.frequency.value = hertz;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(0.22, at + 0.02);
  gain.gain.setValueAtTime(0.22, at + seconds - 0.06);
  gain.gain.linearRampToValueAtTime(0, at + seconds);
  voice.connect(gain).connect(context.destination);
  voice.start(at);
  voice.stop(at + seconds);
}

function chime(): void {
  if (!context || context.state !== "running") return;
  tone(context.currentTime, 880, 0.22);
  tone(context.currentTime + 0.28, 660, 0.3);
}

/** Ask the browser; works only in answer to a key or a click. */
export async function allow(): Promise<void> {
  context ??= new AudioContext();
  await context.resume();
  allowed.value = context.state === "running";
  setWanted(true);
}

export function setWanted(on: boolean): void {
  wanted.value = on;
  localStorage.setItem(KEPT, on ? "on" : "off");
}

/** Sound or fall silent as alarms rise and are acknowledged; returns how to stop. */
export function ring(): () => void {
  const stop = watch(
    [ringing, wanted, allowed],
    () => {
      window.clearInterval(timer);
      if (!ringing.value || !wanted.value || !allowed.value) return;
      chime();
      timer = window.setInterval(chime, 2500);
    },
    { immediate: true },
  );
  return () => {
    stop();
    window.clearInterval(timer);
  };
}
