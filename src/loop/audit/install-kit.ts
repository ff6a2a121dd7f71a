import type { Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import { signerOf } from './kit-tools/signature.ts';
import { parseKit } from './kit-tools/parse.ts';
import type { CompiledKit } from './logic/kit/compile.ts';
import { profileNames } from './logic/policy.ts';
import type { Shelf } from './shelf.ts';
import { burningOf, deleteInstalled, installedKits, lockInstalled, putInstalled } from './store-installed.ts';
import { lockPolicies, readPolicies } from './store-policies.ts';

export interface KitInput {
  /** kit.yaml */
  text: string;
  signature: string | null;
  /** the digest that the kit has to have */
  digest: string | null;
}

const subjectOf = ({ kit }: CompiledKit) => ({ kind: 'kit' as const, id: kit.kit, name: kit.title });

/** Takes a kit that somebody vouches for: by a key of the configuration, or by saying its digest. */
export async function installKit(platform: Platform, shelf: Shelf, actor: Actor, input: KitInput): Promise<string> {
  const compiled = parseKit(input.text, 'kit.yaml');
  const { kit, digest } = compiled;
  if (input.digest !== null && input.digest !== digest)
    throw new AppError('KIT_PINNED', { kit: kit.kit, digest, pinned: input.digest });
  const signedBy = voucher(platform.config.kitKeys, compiled, input);
  if (isShipped(shelf, kit.kit)) throw new AppError('KIT_SHIPPED', { kit: kit.kit });
  const detail = { kit: kit.kit, version: kit.version, digest, signedBy, pinned: input.digest !== null };
  await platform.act(actor, { type: 'audit.kit.installed', subject: subjectOf(compiled), detail }, async (tx) => {
    const before = await lockInstalled(tx.db, kit.kit);
    if (before && before.digest !== digest && !isNewer(kit.version, before.version))
      throw new AppError('KIT_VERSION', { kit: kit.kit, version: before.version, digest: before.digest });
    const row = { kit: kit.kit, version: kit.version, digest, text: input.text, signed_by: signedBy };
    await putInstalled(tx.db, { ...row, installed_at: tx.now, installed_by: actor.name });
  });
  await shelf.refresh();
  return kit.kit;
}

function voucher(keys: readonly string[], compiled: CompiledKit, { signature, digest }: KitInput): string | null {
  const { kit } = compiled;
  const unsigned = (why: string): AppError => new AppError('KIT_UNSIGNED', { kit: kit.kit, version: kit.version, why });
  const signer = signerOf(compiled, signature, keys);
  if (signer !== null) return signer;
  if (keys.length > 0)
    throw unsigned(
      signature === null ? 'it is not signed' : 'none of the keys in LASTEMBER_KIT_KEYS made its signature',
    );
  if (digest !== null) return null;
  throw unsigned(
    'LASTEMBER_KIT_KEYS names no key that could have signed it, and no digest was given that it has to have (--digest)',
  );
}

export async function removeKit(platform: Platform, shelf: Shelf, actor: Actor, id: string): Promise<void> {
  if (isShipped(shelf, id)) throw new AppError('KIT_SHIPPED', { kit: id });
  const gone = new AppError('NOT_FOUND', { what: 'installed kit', id, list: 'kit list' });
  const row = (await installedKits(platform.db)).find(({ kit }) => kit === id);
  if (!row) throw gone;
  const detail = { kit: id, version: row.version, digest: row.digest };
  await platform.act(
    actor,
    { type: 'audit.kit.removed', subject: { kind: 'kit', id, name: id }, detail },
    async (tx) => {
      if ((await lockInstalled(tx.db, id))?.digest !== row.digest) throw gone;
      await lockPolicies(tx.db);
      const profile = (await readPolicies(tx.db)).profiles.find((one) => profileNames(one, id));
      if (profile) throw new AppError('KIT_IN_PROFILE', { kit: id, profile: profile.name });
      const burning = await burningOf(tx.db, id);
      if (burning > 0) throw new AppError('KIT_IN_USE', { kit: id, findings: burning });
      await deleteInstalled(tx.db, id);
    },
  );
  await shelf.refresh();
}

const isShipped = (shelf: Shelf, id: string): boolean =>
  shelf.all().some(({ kit, origin }) => kit.kit === id && origin === 'shipped');

function isNewer(version: string, than: string): boolean {
  const [a, b] = [version, than].map((one) => one.split('.').map(Number));
  const at = a!.findIndex((part, index) => part !== b![index]);
  return at !== -1 && a![at]! > b![at]!;
}
