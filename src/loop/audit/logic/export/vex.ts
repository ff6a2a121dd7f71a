import type { Finding } from '../../../../model/finding.ts';
import type { Match } from '../advisories/match.ts';
import { jsonDocument } from './json.ts';
import { hostRef, uuidOf } from './sbom.ts';

/** What we say of one vulnerability in one package, or in one host as a whole. */
export interface VexStatement {
  vulnerability: string;
  aliases: string[];
  status: 'affected' | 'not_affected' | 'fixed' | 'under_investigation';
  /** package URL, or a host's URN */
  product: string;
  productName: string;
  note: string;
  /** what to do; of `affected` always */
  action: string | null;
  /** what stands in the way of an attack while the risk is accepted */
  workaround?: string;
  /** the code is there, and what the host is set to keeps it from harm */
  mitigated?: true;
  /** ISO 8601: when it was known to be so */
  at: string;
}

/** A finding is about its host: it was looked at there, and a fix on the disk that is not in force is no fix. */
export function ofFinding(finding: Finding): VexStatement[] {
  const { state, hostId, hostName, advisories } = finding;
  const where = finding.endpoint ?? finding.component;
  const base = { product: hostRef(hostId), productName: hostName };
  return advisories.toSorted().map((vulnerability): VexStatement => {
    const aliases = advisories.filter((one) => one !== vulnerability).toSorted();
    if (state === 'fixed')
      return {
        ...base,
        vulnerability,
        aliases,
        status: 'fixed',
        action: null,
        note: `${where}: proven fixed (finding ${finding.id})`,
        at: finding.closedAt ?? finding.lastSeenAt,
      };
    if (state === 'not-applicable' && finding.evidence['mitigated'] !== undefined)
      return {
        ...base,
        vulnerability,
        aliases,
        status: 'not_affected',
        mitigated: true,
        action: null,
        note: `${where}: ${finding.closeReason} (finding ${finding.id})`,
        at: finding.lastSeenAt,
      };
    // Nobody looks there any more, which is neither safe nor proven.
    if (state === 'not-applicable')
      return {
        ...base,
        vulnerability,
        aliases,
        status: 'under_investigation',
        action: null,
        note: `${where}: ${finding.closeReason ?? 'closed without proof'} (finding ${finding.id})`,
        at: finding.closedAt ?? finding.lastSeenAt,
      };
    return {
      ...base,
      vulnerability,
      aliases,
      status: 'affected',
      note: `${where}: ${finding.pending ?? finding.title} (finding ${finding.id})`,
      action: actionOf(finding),
      at: finding.lastSeenAt,
    };
  });
}

function actionOf({ state, exceptionId, changeId, kit }: Finding): string {
  if (state === 'excepted') return `The risk is accepted for a time by exception ${exceptionId}`;
  if (state === 'planned') return `Change ${changeId} carries the fix`;
  return `Apply the remediation of kit ${kit}`;
}

const STATUSES: Readonly<Record<Match['verdict'], VexStatement['status']>> = {
  affected: 'affected',
  bundled: 'affected',
  fixed: 'fixed',
  'not-affected': 'not_affected',
  unknown: 'under_investigation',
};

/** An exception for an advisory, as far as others are told of it. */
export interface Acceptance {
  exceptionId: string;
  until: Date;
  reason: string | null;
  control: string | null;
}

/** The risk stays one, and what would end it is told all the same: an exception ends by itself. */
function withAcceptance(one: VexStatement, accepted: Acceptance | undefined): VexStatement {
  if (one.status !== 'affected' || !accepted) return one;
  const { exceptionId, until, reason, control } = accepted;
  const because = reason === null ? '' : `: ${reason}`;
  const meanwhile = control === null ? '' : ` Meanwhile: ${control}.`;
  const taken = `The risk is accepted until ${until.toISOString()} by exception ${exceptionId}${because}.${meanwhile}`;
  return { ...one, action: `${taken} ${one.action}`, ...(control === null ? {} : { workaround: control }) };
}

const actionFor = (fix: string | null, why: string): string =>
  fix === null ? `No fix to go to: ${why}` : `Update to ${fix}`;

/** A package that is affected on a host for which the risk is accepted. */
export interface AcceptedPackage {
  hostId: string;
  hostName: string;
  vulnerability: string;
  aliases: string[];
  name: string;
  version: string;
  fix: string | null;
  why: string;
  feed: string;
}

/** All that an exception holds on one host of one advisory: elsewhere the same package is not accepted. */
export function ofAccepted(packages: readonly AcceptedPackage[], accepted: Acceptance, at: Date): VexStatement {
  const [first] = packages;
  const { hostId, hostName, vulnerability, aliases } = first!;
  const said = packages.map(({ name, version, why, feed }) => `${name} ${version}: ${why}; says ${feed}`);
  const todo = packages.map(({ name, fix, why }) => `${name}: ${actionFor(fix, why)}`);
  return withAcceptance(
    {
      product: hostRef(hostId),
      productName: hostName,
      vulnerability,
      aliases: aliases.toSorted(),
      status: 'affected',
      note: [...new Set(said)].join('. '),
      action: [...new Set(todo)].join('. '),
      at: at.toISOString(),
    },
    accepted,
  );
}

/** What feeds say of a package in this version, on whichever hosts it is; `accepted`: on all of them. */
export function ofMatch(match: Match, purl: string, name: string, accepted?: Acceptance): VexStatement {
  const { verdict, why, fix, statement } = match;
  const status = STATUSES[verdict];
  const said: VexStatement = {
    vulnerability: match.id,
    aliases: [...new Set(statement.aliases)].toSorted(),
    status,
    product: purl,
    productName: name,
    note: `${why}; says ${statement.feed}`,
    action: status === 'affected' ? actionFor(fix, why) : null,
    at: new Date(statement.time).toISOString(),
  };
  return withAcceptance(said, accepted);
}

const BADNESS: readonly VexStatement['status'][] = ['not_affected', 'fixed', 'under_investigation', 'affected'];

/** What was said of one product more than once: of each vulnerability the worst, in the order of their names. */
export function worstOf(said: readonly VexStatement[][]): VexStatement[] {
  const [only] = said;
  if (only !== undefined && said.length === 1) return only;
  const found = new Map<string, VexStatement>();
  for (const one of said.flat()) {
    const there = found.get(one.vulnerability);
    if (there === undefined || BADNESS.indexOf(one.status) > BADNESS.indexOf(there.status))
      found.set(one.vulnerability, one);
  }
  return [...found.values()].toSorted((a, b) => (a.vulnerability < b.vulnerability ? -1 : 1));
}

export interface Heading {
  /** newest of what it tells, ISO 8601 */
  at: string;
  /** of the estate: names the document */
  origin: string;
}

/** OpenVEX 0.2.0. */
export function openVex({ at, origin }: Heading, statements: AsyncIterable<VexStatement>): AsyncGenerator<string> {
  const head = {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': `urn:uuid:${uuidOf(`openvex ${origin} ${at}`)}`,
    author: 'Lastember',
    timestamp: at,
    version: 1,
  };
  return jsonDocument(head, { name: 'statements', items: mapped(statements, asOpenVex) });
}

const asOpenVex = (one: VexStatement): object => ({
  vulnerability: { name: one.vulnerability, ...(one.aliases.length > 0 ? { aliases: one.aliases } : {}) },
  timestamp: one.at,
  products: [{ '@id': one.product, ...(one.product.startsWith('pkg:') ? { identifiers: { purl: one.product } } : {}) }],
  status: one.status,
  status_notes: one.note,
  // The versions that have the hole are others: its code is not in this one.
  ...(one.status === 'not_affected'
    ? { justification: one.mitigated ? 'inline_mitigations_already_exist' : 'vulnerable_code_not_present' }
    : {}),
  ...(one.action === null ? {} : { action_statement: one.action }),
});

const ANALYSES: Readonly<Record<VexStatement['status'], object>> = {
  affected: { state: 'exploitable' },
  fixed: { state: 'resolved' },
  not_affected: { state: 'not_affected', justification: 'code_not_present' },
  under_investigation: { state: 'in_triage' },
};

/** CycloneDX 1.6; the products that it speaks of stand behind what it says of them. */
export function cycloneDxVex({ at, origin }: Heading, statements: AsyncIterable<VexStatement>): AsyncGenerator<string> {
  const products = new Map<string, string>();
  const head = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`cyclonedx ${origin} ${at}`)}`,
    version: 1,
    metadata: { timestamp: at, tools: { components: [{ type: 'application', name: 'Lastember' }] } },
  };
  const items = mapped(statements, (one) => {
    products.set(one.product, one.productName);
    return asCycloneDx(one);
  });
  return jsonDocument(head, { name: 'vulnerabilities', items }, () => ({
    components: [...products].map(([ref, name]) => ({
      ...(ref.startsWith('pkg:') ? { type: 'library', purl: ref } : { type: 'device' }),
      'bom-ref': ref,
      name,
    })),
  }));
}

const asCycloneDx = (one: VexStatement): object => ({
  id: one.vulnerability,
  ...(one.aliases.length > 0
    ? { references: one.aliases.map((id) => ({ id, source: { name: id.split('-')[0]! } })) }
    : {}),
  updated: one.at,
  ...(one.action === null ? {} : { recommendation: one.action }),
  ...(one.workaround === undefined ? {} : { workaround: one.workaround }),
  analysis: {
    ...ANALYSES[one.status],
    ...(one.mitigated ? { justification: 'requires_configuration' } : {}),
    ...(one.workaround === undefined ? {} : { response: ['workaround_available'] }),
    detail: one.note,
    lastUpdated: one.at,
  },
  affects: [{ ref: one.product }],
});

async function* mapped<T, R>(items: AsyncIterable<T>, of: (one: T) => R): AsyncGenerator<R> {
  for await (const one of items) yield of(one);
}
