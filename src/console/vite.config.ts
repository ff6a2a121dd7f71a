import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The server serves the built console under /; in development, Vite passes API calls on to it.
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  plugins: [react()],
  build: { outDir: '../../dist/console', emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 1200 },
  server: { proxy: { '/api': 'http://127.0.0.1:7414' } },
});
