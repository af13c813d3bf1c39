import { createRouter, createWebHistory } from "vue-router";
import { home, session, whoami } from "@/session";
import { inField, inHall } from "@/theme";

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", name: "start", component: () => import("@/pages/login/LoginPage.vue") },
    { path: "/login", name: "login", component: () => import("@/pages/login/LoginPage.vue") },
    { path: "/open", name: "open", component: () => import("@/pages/login/OpenPage.vue") },
    { path: "/account", name: "account", component: () => import("@/pages/account/AccountPage.vue") },
    { path: "/trust", name: "trust", component: () => import("@/pages/trust/TrustPage.vue") },
    { path: "/hall", name: "hall", component: () => import("@/pages/hall/HallPage.vue") },
    { path: "/desk/room/:case", name: "room", component: () => import("@/pages/room/RoomPage.vue") },
    {
      path: "/desk/:view(cases|alarms|handover|duty)?/:id?",
      name: "desk",
      component: () => import("@/pages/desk/DeskPage.vue"),
    },
    { path: "/field/:view(orders|report|patrol|outbox)?/:id?", name: "field", component: () => import("@/pages/field/FieldPage.vue") },
    { path: "/scenarios/:id?", name: "scenarios", component: () => import("@/pages/scenarios/ScenarioPage.vue") },
    { path: "/warnings/:id?", name: "warnings", component: () => import("@/pages/warnings/WarningPage.vue") },
    { path: "/hazards/:id?", name: "hazards", component: () => import("@/pages/hazards/HazardPage.vue") },
    { path: "/admin/:section?", name: "admin", component: () => import("@/pages/admin/AdminPage.vue") },
    { path: "/:rest(.*)*", redirect: "/" },
  ],
});

/** ms that the field waits for the server before it works on without */
const PATIENCE = 2500;

router.beforeEach(async (to) => {
  inHall.value = to.name === "hall" || to.name === "open";
  inField.value = to.name === "field";
  if (to.name === "open" || to.name === "trust") return true;
  try {
    // a phone with one bar of signal must not wait: the page knows who was here last
    if (to.name === "field") await Promise.race([whoami(), new Promise((_, give) => window.setTimeout(give, PATIENCE))]);
    else await whoami();
  } catch {
    // The server cannot be reached: the page itself says so and tries again.
    return true;
  }
  if (to.name === "login") return session.value ? home.value : true;
  if (!session.value) return { name: "login", query: to.path === "/" ? {} : { to: to.fullPath } };
  // Whose roles need a second factor does nothing else before there is one.
  if (session.value.factor === "needed" && to.name !== "account") return "/account";
  return to.name === "start" ? home.value : true;
});
