import * as z from 'zod';

/**
 * One library that a running program brings with it, beside the packages of the distribution. Ecosystem and name as OSV
 * writes them: Maven `group:artifact`, npm, PyPI, RubyGems.
 */
export const ComponentFact = z.object({
  ecosystem: z.enum(['Maven', 'npm', 'PyPI', 'RubyGems']),
  name: z.string(),
  version: z.string(),
  /** file on the disk; what lies in an archive in an archive is `/srv/app.jar!/BOOT-INF/lib/x.jar` */
  path: z.string(),
  /** units, or where there is none programs, that use it; `path` is as they see it */
  usedBy: z.array(z.string()),
  /** it lies in a container's file tree */
  container: z.boolean(),
});
export type ComponentFact = z.infer<typeof ComponentFact>;

export const InventoryFacts = z.object({
  components: z.array(ComponentFact),
  /** what could not be looked at within the bounds, or not be read: nothing is known of it */
  unread: z.array(z.string()),
});
export type InventoryFacts = z.infer<typeof InventoryFacts>;
