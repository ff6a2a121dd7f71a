import type { Inventory } from './contract.ts';
import { gem } from './gem.ts';
import { jar } from './jar.ts';
import { npm } from './npm.ts';
import { pip } from './pip.ts';

/** Alphabetical. */
export const INVENTORIES: readonly Inventory[] = [gem, jar, npm, pip];
