/**
 * A worker process for tests that kill it. `node worker.ts CONFIG-JSON`: takes jobs of one kind, says so on standard
 * output, and never finishes the first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/index.ts';
import { createPlatform } from '../../index.ts';

const config = JSON.parse(process.argv[2] ?? '') as Config;
const platform = await createPlatform(config);
await platform.startWorkers(
  {
    'audit.host': async ({ hostId }) => {
      process.stdout.write(`started ${hostId}\n`);
      await sleep(600_000);
    },
  },
  [],
);
process.stdout.write('ready\n');
