// The systems we know how to install an authority on, and which one this is.
export const platforms = ["windows", "macos", "ios", "android", "linux"] as const;
export type Platform = (typeof platforms)[number];

/** What this browser says it runs on; an iPad calls itself a Mac, but has a touch screen. */
export function ofThisDevice(): Platform {
  const agent = navigator.userAgent;
  if (/Android|HarmonyOS/.test(agent)) return "android";
  if (/iPhone|iPad/.test(agent)) return "ios";
  if (/Macintosh/.test(agent)) return navigator.maxTouchPoints > 1 ? "ios" : "macos";
  return /Linux|X11/.test(agent) ? "linux" : "windows";
}
