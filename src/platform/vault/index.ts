import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AppError } from '../../model/errors/index.ts';
import type { Db, DbOrTx, Vault } from '../context.ts';
import { newId } from '../ids.ts';

type VaultTables = {
  'platform.secret': { id: string; nonce: Buffer; ciphertext: Buffer; tag: Buffer };
};
const q = (db: DbOrTx) => db.withTables<VaultTables>();

/**
 * Secrets at rest: AES-256-GCM with a fresh nonce a row and the row's id as additional data, so that neither altered
 * bytes nor a swapped row open. There is no way to list or read back; `use` lends a secret to one function.
 */
export function createVault(db: Db, key: Buffer): Vault {
  return {
    put: async (tx, secret) => {
      const id = newId('secret');
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(id));
      const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      await q(tx.db)
        .insertInto('platform.secret')
        .values({ id, nonce, ciphertext, tag: cipher.getAuthTag() })
        .execute();
      return id;
    },
    use: async (id, fn) => {
      const row = await q(db).selectFrom('platform.secret').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) throw new AppError('NOT_FOUND', { what: 'secret', id, list: 'credential list' });
      return fn(open(key, row));
    },
    remove: async (tx, id) => {
      await q(tx.db).deleteFrom('platform.secret').where('id', '=', id).execute();
    },
  };
}

function open(key: Buffer, row: VaultTables['platform.secret']): string {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, row.nonce, { authTagLength: 16 })
      .setAAD(Buffer.from(row.id))
      .setAuthTag(row.tag);
    return Buffer.concat([decipher.update(row.ciphertext), decipher.final()]).toString('utf8');
  } catch (error) {
    throw new AppError('SECRET_UNREADABLE', { id: row.id }, { cause: error });
  }
}
