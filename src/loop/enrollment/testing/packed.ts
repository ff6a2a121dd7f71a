import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Who has none of these gets the agent as .gz, which is packed in seconds; one test sends it as small as it can be. */
export const PACKS_SMALL = ['xz', 'python3', 'dpkg-deb', 'zstd'] as const;

const KEPT = join(import.meta.dirname, '../../../../node_modules/.cache/lastember-agent/pieces');

/**
 * Tests pack the agent with the pieces of those before them, as a server does after an update: packing all of it takes a
 * minute, and several on a busy machine. Pieces are named by what they hold.
 */
export async function keepPacked(dataDir: string): Promise<void> {
  await mkdir(KEPT, { recursive: true });
  await mkdir(join(dataDir, 'cache'), { recursive: true });
  await symlink(KEPT, join(dataDir, 'cache/pieces'));
}
