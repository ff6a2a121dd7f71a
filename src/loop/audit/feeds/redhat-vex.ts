import * as z from 'zod';
import { AdvisoryId, type Statement } from '../../../model/statement.ts';
import { streamReleaseOf } from '../logic/advisories/streams.ts';
import { readChanges } from './changes.ts';
import type { FeedContent, FeedMember } from './contract.ts';
import { type Component, said } from './redhat-said.ts';
import { ledIn, statementOf } from './redhat-statement.ts';
import { unfit } from './unfit.ts';
import { isZip, jsonOf, LIMITS, zipEntries } from './unpack.ts';

const Product = z.object({
  product_id: z.string(),
  product_identification_helper: z.object({ cpe: z.string().optional(), purl: z.string().optional() }).nullish(),
});
interface Branch {
  product?: z.infer<typeof Product> | undefined;
  branches?: Branch[] | undefined;
}
const Branch: z.ZodType<Branch> = z.object({
  product: Product.optional(),
  get branches() {
    return z.array(Branch).optional();
  },
});
const Ids = z.array(z.string()).default([]);
const Vulnerability = z.object({
  cve: AdvisoryId.optional(),
  product_status: z
    .object({ fixed: Ids, known_affected: Ids, known_not_affected: Ids, under_investigation: Ids })
    .partial()
    .nullish(),
  flags: z.array(z.object({ label: z.string(), product_ids: Ids })).default([]),
  remediations: z
    .array(
      z.object({ category: z.string(), details: z.string().default(''), url: z.string().optional(), product_ids: Ids }),
    )
    .default([]),
  threats: z.array(z.object({ category: z.string(), details: z.string(), product_ids: Ids })).default([]),
});
const CsafDocument = z.object({
  document: z.object({
    tracking: z.object({
      id: AdvisoryId,
      status: z.string().optional(),
      current_release_date: z.iso.datetime({ offset: true }),
    }),
  }),
  product_tree: z
    .object({
      branches: z.array(Branch).default([]),
      relationships: z
        .array(
          z.object({
            category: z.string(),
            full_product_name: z.object({ product_id: z.string() }),
            product_reference: z.string(),
            relates_to_product_reference: z.string(),
          }),
        )
        .default([]),
    })
    .nullish()
    .transform((tree) => tree ?? { branches: [], relationships: [] }),
  vulnerabilities: z.array(Vulnerability).default([]),
});
type CsafDocument = z.infer<typeof CsafDocument>;

const DAY_MS = 24 * 3_600_000;

/** One document a CVE: what Red Hat knows of it in every product, unfixed and not affected ones among them. */
export const redhatVex: FeedMember = {
  info: {
    kind: 'redhat-vex',
    title: 'Red Hat’s VEX documents (CSAF), one a CVE',
    needs: {},
    ownOf: 'Red Hat',
    covers: 'all',
  },
  url: () => 'https://security.access.redhat.com/data/csaf/v2/vex/',
  changes: {
    isWholePublished: false,
    list: (url) => new URL('changes.csv', url).href,
    read: (text) => readChanges(text, ([path, at]) => ({ path, at }), /^\d{4}\/cve-\d{4}-\d{4,}\.json$/i),
    document: (url, path) => new URL(path, url).href,
    name: (path) => path.replace(/^.*\/|\.json$/g, '').toUpperCase(),
    nameOf: ({ id }) => id.toUpperCase(),
    checksum: (url) => `${url}.sha256`,
  },
  parse(bytes, _settings, now = new Date()) {
    const content: FeedContent = { time: null, statements: [], signals: [] };
    let newest = 0;
    for (const { name, value } of documents(bytes)) {
      const read = CsafDocument.safeParse(value);
      if (!read.success) throw new Error(unfit(`${name} is no CSAF document`, read.error, '.'));
      const time = Date.parse(read.data.document.tracking.current_release_date);
      if (time > now.getTime() + DAY_MS) throw new Error(`${name} was changed in the future`);
      newest = Math.max(newest, time);
      for (const one of statementsOf(read.data)) content.statements.push(one);
      if (content.statements.length > LIMITS.statements) throw new Error('it says more than can be taken');
    }
    if (newest > 0) content.time = new Date(newest).toISOString();
    return content;
  },
};

function* documents(bytes: Uint8Array): Generator<{ name: string; value: unknown }> {
  if (!isZip(bytes)) {
    const value = jsonOf(bytes);
    for (const [at, one] of (Array.isArray(value) ? value : [value]).entries())
      yield { name: `document ${at + 1}`, value: one };
    return;
  }
  for (const { name, read } of zipEntries(bytes)) if (name.endsWith('.json')) yield { name, value: jsonOf(read()) };
}

function statementsOf(document: CsafDocument): Statement[] {
  const components = componentsOf(document);
  return document.vulnerabilities.flatMap((one) => {
    const id = one.cve ?? document.document.tracking.id;
    const errata = new Set(
      one.remediations.flatMap(({ url }) => /\/errata\/(RH[BES]A-\d{4}:\d+)/.exec(url ?? '')?.[1] ?? []),
    );
    const all = said(one, components);
    const led = ledIn(all);
    return [...Map.groupBy(all, ({ component: c }) => [c.release, c.of, c.name].join('\n')).values()].map((same) =>
      statementOf(id, [...errata], { all: same, led }),
    );
  });
}

type Products = ReadonlyMap<string, { cpe?: string | undefined; purl?: string | undefined }>;

function productsOf(branches: readonly Branch[], found = new Map<string, { cpe?: string; purl?: string }>()): Products {
  for (const { product, branches: inner } of branches) {
    if (product) found.set(product.product_id, (product.product_identification_helper ?? {}) as { purl?: string });
    if (inner) productsOf(inner, found);
  }
  return found;
}

/** Components of Red Hat Enterprise Linux itself, by the ids that statuses name: one for each release that a product is of. */
function componentsOf({ product_tree: tree }: CsafDocument): ReadonlyMap<string, Component[]> {
  const products = productsOf(tree.branches);
  const related = new Map(
    tree.relationships.map((one) => [
      one.full_product_name.product_id,
      { what: one.product_reference, where: one.relates_to_product_reference },
    ]),
  );
  const found = new Map<string, Component[]>();
  for (const [id, { what, where }] of related) {
    // A package of a module is a part of the module, and that one of the system.
    const module = related.get(where);
    const system = module?.where ?? where;
    const part = packageOf(products.get(what)?.purl);
    if (part === null) continue;
    const stream = module ? streamOf(products, module.what) : part.stream;
    // What is within an image of a desktop application is no package of the host.
    if (stream?.endsWith(':flatpak')) continue;
    const releases = releasesOf(system, products.get(system)?.cpe);
    if (releases.length > 0)
      found.set(
        id,
        releases.map((release) => ({ ...part, release, stream })),
      );
  }
  return found;
}

/**
 * The main stream's, or one of extended support (`9.2-eus`); layered products have packages of their own. While a minor
 * release is the newest, its fixes are for both: `BaseOS-9.2.0.Z.MAIN.EUS`.
 */
function releasesOf(id: string, cpe = ''): string[] {
  const product = /^cpe:\/[ao]:redhat:(.*)$/.exec(cpe)?.[1] ?? '';
  const main = /^enterprise_linux:(\d+)(?:\.\d+)?(?::|$)/.exec(product)?.[1];
  if (main === undefined) return [streamReleaseOf(product) ?? []].flat();
  const [, minor] = /-(\d+\.\d+)(?:\.\d+)*\.Z\.MAIN[.+]EUS$/.exec(id) ?? [];
  return minor === undefined ? [main] : [main, `${minor}-eus`];
}

/**
 * `pkg:rpm/redhat/openssl@3.0.7-16.el9_2?arch=src&epoch=1`; of a module `…&rpmmod=nodejs:18`, and since 2026 what is built of
 * such a source `…?upstream=nodejs:18/nodejs`.
 */
function packageOf(purl: string | undefined): Omit<Component, 'release'> | null {
  const match = /^pkg:rpm\/redhat\/([^@?]+)(?:@([^?]+))?(?:\?(.*))?$/.exec(purl ?? '');
  if (!match) return null;
  const qualifiers = new URLSearchParams(match[3] ?? '');
  const [arch, epoch] = [qualifiers.get('arch'), qualifiers.get('epoch')];
  const version = match[2] === undefined ? null : decoded(match[2]);
  return {
    name: decoded(match[1]!),
    of: arch === 'src' ? 'source' : 'binary',
    arch,
    version: version === null ? null : `${epoch && epoch !== '0' ? `${epoch}:` : ''}${version}`,
    stream: moduleIn(qualifiers),
  };
}

function moduleIn(qualifiers: URLSearchParams): string | null {
  const own = /^[^:]+:[^:]+/.exec(qualifiers.get('rpmmod') ?? '');
  return (own ?? /^[^:/]+:[^/]+(?=\/)/.exec(qualifiers.get('upstream') ?? ''))?.[0] ?? null;
}

/** `pkg:rpmmod/redhat/nodejs@18:8080020231…:…`, or a product id that ends in `nodejs:18`. */
function streamOf(products: Products, id: string): string {
  const purl = decoded(products.get(id)?.purl ?? '');
  const match = /^pkg:rpmmod\/redhat\/([^@?]+)@([^:?]+)/.exec(purl);
  return match ? `${match[1]}:${match[2]}` : id.split(':').slice(-2).join(':');
}

/** As it is where it is no percent-encoding: then it is no name of ours, and matches nothing. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
