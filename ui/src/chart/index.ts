// Charts come when one is looked at: the wall's first picture does not wait for them.
import { defineAsyncComponent } from "vue";

export const DeviceChart = defineAsyncComponent(() => import("./DeviceChart.vue"));
