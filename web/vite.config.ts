import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';

// Work on the page: `magno run` (or build/host/tests/standin) serves the meter on 8022,
// `npm run dev` serves the page and passes the rest on.
const meter = { target: 'http://127.0.0.1:8022', changeOrigin: true };

// What is in the page besides our own code asks for its licence to go with it: /licences.txt.
const licences: Plugin = {
  name: 'licences',
  generateBundle() {
    const text = (name: string) => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim()}\n`;
    this.emitFile({ type: 'asset', fileName: 'licences.txt', source: ['preact', 'uplot'].map(text).join('\n\n') });
  },
};

export default defineConfig({
  plugins: [licences],
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2020', assetsInlineLimit: 0, reportCompressedSize: false },
  server: { proxy: { '/api': meter, '/live': { ...meter, ws: true, rewriteWsOrigin: true } } },
});
