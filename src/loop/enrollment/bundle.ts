import { join } from 'node:path';

/** The agent's program as this server was built with. */
export const BUNDLE = join(import.meta.dirname, '../../../dist/agent/lastember-agent.cjs');
