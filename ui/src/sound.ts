// The desk's alarm sound: two tones, again and again until somebody acknowledges. It is made here
// (no file), and a browser lets it sound only after the person has pressed a key for it once.
import { computed, ref, watch } from "vue";
import { mine } from "@/contacts";
import { alarmList, counts, unacknowledged } from "@/live";

const KEPT = "tianmu.sound";
/** what the person wants */
export const wanted = ref(localStorage.getItem(KEPT) !== "off");
/** whether the browser lets it sound */
export const allowed = ref(false);
const LOUD = 2;

let context: AudioContext | null = null;
let timer = 0;

/** It grows: after so many seconds without an acknowledgement, so loud (1 is all the machine gives)
 * and so often (ms). Defaults; a night shift that has fallen asleep is woken within two minutes. */
export const STEPS = [
  { after: 0, gain: 0.22, every: 2500 },
  { after: 30, gain: 0.5, every: 1800 },
  { after: 90, gain: 1, every: 1000 },
] as const;
type Step = (typeof STEPS)[number];
/** the step that holds after so many seconds of ringing */
export function stepAfter(seconds: number): Step {
  return [...STEPS].reverse().find((step) => seconds >= step.after) ?? STEPS[0];
}
/** ms when what rings now began to ring; 0: nothing rings */
let since = 0;

/** how often it has sounded since the page came */
export const chimes = ref(0);

/** Urgent alarms that nobody has acknowledged, and ladders that look for who sits here; tests and
 * drills never ring. */
export const ringing = computed(
  () => mine.value.length + alarmList.value.filter((a) => a.priority <= LOUD && unacknowledged(a) && counts(a)).length,
);

function tone(at: number, hertz: number, seconds: number, loud: number): void {
  if (!context) return;
  const voice = context.createOscillator();
  const gain = context.createGain();
  voice.type = loud < 0.4 ? "triangle" : "square";
  voice.frequency.value = hertz;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(loud, at + 0.02);
  gain.gain.setValueAtTime(loud, at + seconds - 0.06);
  gain.gain.linearRampToValueAtTime(0, at + seconds);
  voice.connect(gain).connect(context.destination);
  voice.start(at);
  voice.stop(at + seconds);
}

/** One chime, and the next one in its time: a longer silence of people makes it louder and denser. */
function chime(): void {
  const step = stepAfter((Date.now() - since) / 1000);
  if (context?.state === "running") {
    tone(context.currentTime, 880, 0.22, step.gain);
    tone(context.currentTime + 0.28, step.gain < 0.4 ? 660 : 1180, 0.3, step.gain);
  } else {
    // a machine that slept, or a browser that took the sound away: it is asked for again
    void context?.resume().catch(() => undefined);
  }
  chimes.value += 1;
  timer = window.setTimeout(chime, step.every);
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
      window.clearTimeout(timer);
      if (!ringing.value) since = 0;
      if (!ringing.value || !wanted.value || !allowed.value) return;
      since ||= Date.now();
      chime();
    },
    { immediate: true },
  );
  return () => {
    stop();
    window.clearTimeout(timer);
  };
}
