/** `npm run e2e`: drives the console in the system's Chromium against the demo. Skips, with the reason, without one. */
import { spawn } from 'node:child_process';

const child = spawn(
  process.execPath,
  ['--test', '--test-concurrency=1', '--test-timeout=600000', 'tests/e2e/*.test.ts'],
  { stdio: 'inherit', shell: false },
);
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
