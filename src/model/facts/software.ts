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

/** A copy of OpenSSL or LibreSSL that no package owns, in a library of its own or within a program. */
export const OpenSslCopy = z.object({
  /** also a place that could not be looked through */
  path: z.string(),
  /** null: it could not be looked at, and nothing is known of it */
  library: z.enum(['OpenSSL', 'LibreSSL']).nullable(),
  /** as it says itself: `1.0.1f`, `1.0.1e-fips`, `3.0.15+quic` */
  version: z.string().nullable(),
  linked: z.enum(['shared', 'static']).nullable(),
  /** units, or where there is none programs, that execute from it now */
  usedBy: z.array(z.string()),
  /** those of them that run what was in its place before: of which version that is, nobody can tell */
  stale: z.array(z.string()),
  /** it lies in a container's file tree */
  container: z.boolean(),
});
export type OpenSslCopy = z.infer<typeof OpenSslCopy>;

/**
 * One installed snap. It is no package of the distribution, whatever it is called: it is built, named and mended by whoever
 * publishes it, and no statement about a distribution's package or an upstream's version is about it.
 */
export const SnapFact = z.object({
  /** with its key, where it is installed more than once: `postgresql_test` */
  name: z.string(),
  /** the same without that key, as the store calls it */
  snap: z.string(),
  /** as its publisher writes it, in no order that could be compared; null: its own file could not be read */
  version: z.string().nullable(),
  /** a number of the store; `x1` and the like: it was put there by hand, and nobody brings a newer one */
  revision: z.string(),
  /** where newer revisions come from: `latest/stable`; null: from nowhere, or nobody could tell */
  channel: z.string().nullable(),
  /** by the store's signed word that lies on the host, which is not verified; null: none lies there */
  publisher: z.string().nullable(),
  /** the snap that it runs on; null: it names none */
  base: z.string().nullable(),
  type: z.string(),
  /** `classic` and `devmode` are confined by nothing; null: could not be told */
  confinement: z.enum(['strict', 'classic', 'devmode']).nullable(),
  /** false: disabled; null: could not be told */
  active: z.boolean().nullable(),
  /** units, or where there is none programs, that run from it */
  usedBy: z.array(z.string()),
  /** those of them that run another revision than the current one */
  stale: z.array(z.string()),
});
export type SnapFact = z.infer<typeof SnapFact>;

export const SnapsFacts = z.object({
  snaps: z.array(SnapFact),
  /** files that could not be read, with what is not known for that */
  unread: z.array(z.object({ path: z.string(), why: z.string() })),
});
export type SnapsFacts = z.infer<typeof SnapsFacts>;
