import { systemActor } from '../../model/actor.ts';
import type { Platform } from '../../platform/context.ts';
import { sha256Hex } from '../../platform/ledger/index.ts';
import type { CompiledKit } from './logic/kit/compile.ts';
import type { InForce } from './logic/policy.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import { q } from './tables.ts';

/** The kits this server judges by, as one digest: when it changes, everything has to be judged again. */
export const digestOf = (kits: readonly CompiledKit[]): string => sha256Hex(kits.map((kit) => kit.digest).join('\n'));

/** What a host is judged by: the kits, and what its policies make of them. */
export const heldDigest = (kits: string, { text }: Pick<InForce, 'text'>): string =>
  text === '' ? kits : sha256Hex(`${kits}\n${text}`);

/** Puts kits that were never used before on the trail, each with its digest. */
export async function recordKits(platform: Platform, kits: readonly CompiledKit[]): Promise<void> {
  for (const { kit, digest } of kits) {
    await platform.observe(systemActor('audit.kits'), async (tx) => {
      const inserted = await q(tx.db)
        .insertInto('audit.kit')
        .values({ digest, kit: kit.kit, version: kit.version, body: jsonText(kit), loaded_at: tx.now })
        .onConflict((c) => c.column('digest').doNothing())
        .executeTakeFirst();
      if ((inserted.numInsertedOrUpdatedRows ?? 0n) === 0n) return;
      await tx.record({
        type: 'audit.kit.loaded',
        subject: { kind: 'kit', id: kit.kit, name: kit.title },
        detail: {
          kit: kit.kit,
          version: kit.version,
          digest,
          title: kit.title,
          checks: kit.checks.map(({ id, title, severity }) => ({ id, title, severity })),
        },
      });
    });
  }
}
