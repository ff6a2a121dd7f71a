/** A worker process of its own, for tests that kill it: runs one scan job on a database that is there. */
import { assemble } from '../../../platform/index.ts';
import { createLog } from '../../../platform/log/index.ts';
import { loadVaultKey } from '../../../platform/vault/key.ts';
import type { Config } from '../../../platform/config/index.ts';
import { createDiscovery } from '../index.ts';

const [config, url, scanId] = JSON.parse(process.argv[2]!) as [Config, string, string];
const log = createLog('silent');
const platform = await assemble({ config, log, url, vaultKey: await loadVaultKey(config) });
await createDiscovery(platform).jobs['discovery.scan']!({ scanId });
await platform.close();
