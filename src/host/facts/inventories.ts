import type { FactSection } from './look.ts';

export const inventories: FactSection<'inventories'> = {
  name: 'inventories',
  version: 1,
  collect: async () => ({ components: [], unread: [] }),
};
