import { defineConfig } from 'vite';

/**
 * The web console. `npm run build` makes it; `npx vite` serves it while it is worked on, with the API of a Muster on
 * port 8080. JSX is Vite's own, as src/console/tsconfig.json says.
 */
export default defineConfig({
  root: 'src/console',
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    // An inlined asset would be a data: URL, which the content security policy has no need to permit.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
    rolldownOptions: {
      // "use client" is for those who also draw on a server; every file of some libraries begins with it.
      onLog: (level, log, say) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && say(level, log),
    },
  },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/api', '/docs', '/openapi.json'].map((path) => [path, 'http://127.0.0.1:8080']),
    ),
  },
});
