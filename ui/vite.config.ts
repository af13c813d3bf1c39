import { fileURLToPath, URL } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";
import { field } from "./field.build";

// The API of a running city (or of `npm run mock`) while developing.
const city = process.env.TIANMU_URL ?? "http://127.0.0.1:8620";

export default defineConfig({
  plugins: [vue(), field()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "../src/tianmu/web/ui",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // a strict Content-Security-Policy allows no data: fonts
    chunkSizeWarningLimit: 1500,
    reportCompressedSize: false,
    // the map library by itself: it comes beside the page's own script, and what is ours can be measured
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "maplibre", test: /node_modules.maplibre-gl/ }, { name: "vue", test: /node_modules.(@vue|vue|vue-router)/ }] } } },
  },
  worker: { format: "es" },
  server: { proxy: { "/api": city } },
});
