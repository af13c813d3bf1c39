import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/fonts";
import { createApp } from "vue";
import { askEarly } from "./api/client";
import App from "./App.vue";
import { pick } from "./pick";
import { router } from "./router";
import { loadFace } from "./styles/fonts";

// The city was upgraded while the page was open: a part that is asked for now has another name.
window.addEventListener("vite:preloadError", () => {
  const last = Number(sessionStorage.getItem("tianmu.reloaded") ?? 0);
  if (Date.now() - last < 60_000) return;
  // Without a server there is nothing newer to load: what is shown stays, and says how old it is.
  const reload = (): void => {
    sessionStorage.setItem("tianmu.reloaded", String(Date.now()));
    window.location.reload();
  };
  void fetch("/api/about", { cache: "no-store" }).then((answer) => answer.ok && reload(), () => undefined);
});

// Whoever opens a page with the map waits for it longest: its script and what it asks before its
// first tile come while the session is asked for.
const page = /^\/(hall|desk)\b/.exec(window.location.pathname)?.[1];
const scenario = /^\/scenarios\/([\w-]+)$/.exec(window.location.pathname)?.[1];
if (page || scenario) {
  askEarly("/api/session", "/api/city", "/api/tiles/devices/count", "/api/tiles/devices/changes");
  void loadFace("城"); // one file has nearly all letters: it comes before the first of them is laid out
  void import("@/map/CityMap.vue");
}
if (scenario) {
  askEarly("/api/scenarios", `/api/scenarios/${scenario}`, `/api/scenarios/${scenario}/present`);
  void import("@/pages/scenarios/ScenarioPage.vue");
}
if (page === "hall") void import("@/pages/hall/HallPage.vue");

createApp(App).use(router).directive("pick", pick).mount("#app");
