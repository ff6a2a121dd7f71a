import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** The icon package's index names six thousand files, each of which a build would read: only those used are imported. */
function directIcons(): Plugin {
  const from = /import \{([^}]+)\} from '@tabler\/icons-react';/g;
  return {
    name: 'direct-icons',
    enforce: 'pre',
    transform: {
      filter: { id: /\/src\/console\/.*\.tsx$/ },
      handler: (code) =>
        code.replace(from, (all, list: string) => {
          const names = list.split(',').flatMap((name) => name.trim() || []);
          // A type, or one that is renamed: as it was written.
          if (!names.every((name) => /^Icon\w+$/.test(name))) return all;
          return names.map((name) => `import ${name} from '@tabler/icons-react/dist/esm/icons/${name}.mjs';`).join(' ');
        }),
    },
  };
}

// The server serves the built console under /; in development, Vite passes API calls on to it. Our own api/ is no such call.
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  plugins: [directIcons(), react()],
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 1200,
    reportCompressedSize: false,
  },
  server: { proxy: { '/api/v1': 'http://127.0.0.1:7414' } },
});
