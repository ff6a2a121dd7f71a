import type { Generated } from 'kysely';
import type { DbOrTx } from '../context.ts';

export type LedgerTables = {
  'ledger.entry': {
    seq: Generated<number>;
    id: string;
    at: Date;
    type: string;
    subject: string;
    related: string[];
    actor_id: string;
    bytes: Buffer;
    leaf_hash: Buffer;
  };
  'ledger.unsequenced': { seq: number };
};

export const q = (db: DbOrTx) => db.withTables<LedgerTables>();
