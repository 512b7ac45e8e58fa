import { defineConfig } from 'vite';

// Work on the page: `magno run` (or build/host/tests/standin) serves the meter on 8022,
// `npm run dev` serves the page and passes the rest on.
const meter = 'http://127.0.0.1:8022';

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2020', assetsInlineLimit: 0, reportCompressedSize: false },
  server: { proxy: { '/api': { target: meter, changeOrigin: true }, '/live': { target: meter, ws: true, changeOrigin: true, rewriteWsOrigin: true } } },
});
