import { createHash } from 'node:crypto';
import type {
  ComponentFact,
  InventoryFacts,
  OsFacts,
  PackageFact,
  SnapFact,
  SnapsFacts,
} from '../../../../model/facts.ts';
import { jsonDocument } from './json.ts';
import { purlOf, purlOfSnap } from './purl.ts';

export interface Inventory {
  host: { id: string; name: string };
  /** when the packages were looked at, by the host's clock */
  at: string;
  os: OsFacts | null;
  packages: readonly PackageFact[];
  /** null: never collected */
  inventories: InventoryFacts | null;
  /** null: never collected */
  snaps: SnapsFacts | null;
}

interface Property {
  name: string;
  value: string;
}

interface Component {
  type: string;
  'bom-ref': string;
  name: string;
  version?: string;
  purl?: string;
  properties?: Property[];
  evidence?: { occurrences: { location: string }[] };
}

export const hostRef = (hostId: string): string => `urn:lastember:host:${hostId}`;

/** CycloneDX 1.6: all packages and libraries of one host. The same facts are the same bytes, its serial number among them. */
export function sbom(inventory: Inventory): AsyncGenerator<string> {
  const { host, at, os } = inventory;
  const components = [
    ...packagesOf(inventory),
    ...librariesOf(inventory.inventories?.components ?? []),
    ...(inventory.snaps?.snaps ?? []).map(snapOf),
  ].toSorted((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1));
  const unread = unreadOf(inventory);
  const ref = hostRef(host.id);
  const head = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify([host, at, os, components, unread]))}`,
    version: 1,
    metadata: {
      timestamp: at,
      tools: { components: [{ type: 'application', name: 'Lastember' }] },
      component: {
        type: 'device',
        'bom-ref': ref,
        name: host.name,
        properties: properties({ 'host-id': host.id, kernel: os?.kernel, arch: os?.arch }),
      },
    },
  };
  const items = [...(os ? [systemOf(os)] : []), ...components];
  return jsonDocument(head, { name: 'components', items }, () => ({
    dependencies: [{ ref, dependsOn: items.map((one) => one['bom-ref']) }],
    // What could not be looked at may hold anything: the list must not be taken for whole.
    ...(unread.length > 0 ? { compositions: [{ aggregate: 'incomplete', assemblies: [ref] }] } : {}),
  }));
}

const unreadOf = ({ inventories, snaps }: Inventory): string[] => [
  ...(inventories?.unread ?? ['the libraries of its programs were never collected']),
  ...(snaps?.unread.map(({ path }) => path) ?? ['its snaps were never collected']),
];

const properties = (values: Readonly<Record<string, string | null | undefined>>): Property[] =>
  Object.entries(values).flatMap(([name, value]) => (value ? [{ name: `lastember:${name}`, value }] : []));

const systemOf = (os: OsFacts): Component => ({
  type: 'operating-system',
  'bom-ref': `os:${os.id}-${os.versionId}`,
  name: os.id || 'unknown',
  version: os.versionId,
  properties: properties({ name: os.prettyName, codename: os.codename }),
});

function packagesOf({ packages, os }: Inventory): Component[] {
  const all = packages.map((one): Component => {
    const purl = purlOf({ ...one, versionId: os?.versionId ?? null });
    return {
      type: 'library',
      'bom-ref': purl ?? `package:${one.ecosystem}/${one.name}@${one.version}?arch=${one.arch}`,
      name: one.name,
      version: one.version,
      ...(purl === null ? {} : { purl }),
      properties: properties({
        ecosystem: one.ecosystem,
        source: one.source,
        'source-version': one.sourceVersion,
        status: one.status,
        origin: one.origin,
        candidate: one.candidate,
        held: one.held ? 'true' : null,
      }),
    };
  });
  return [...new Map(all.map((one) => [one['bom-ref'], one])).values()];
}

function snapOf(one: SnapFact): Component {
  const purl = purlOfSnap(one);
  return {
    type: 'application',
    'bom-ref': `snap:${one.name}`,
    name: one.name,
    ...(one.version === null ? {} : { version: one.version }),
    purl,
    properties: properties({
      ecosystem: 'snap',
      origin: 'snap',
      revision: one.revision,
      channel: one.channel,
      publisher: one.publisher,
      base: one.base,
      confinement: one.confinement,
      'used-by': one.usedBy.join(' '),
    }),
  };
}

/** One library in many places is one component with many occurrences. */
function librariesOf(all: readonly ComponentFact[]): Component[] {
  const keyOf = (one: ComponentFact): string => purlOf(one) ?? `library:${one.ecosystem}/${one.name}@${one.version}`;
  return [...Map.groupBy(all, keyOf)].map(([ref, same]) => {
    const { name, version, ecosystem } = same[0]!;
    const usedBy = [...new Set(same.flatMap((one) => one.usedBy))].toSorted();
    return {
      type: 'library',
      'bom-ref': ref,
      name,
      version,
      ...(ref.startsWith('pkg:') ? { purl: ref } : {}),
      properties: properties({ ecosystem, 'used-by': usedBy.join(' ') }),
      evidence: {
        occurrences: [...new Set(same.map((one) => one.path))].toSorted().map((location) => ({ location })),
      },
    };
  });
}

/** A UUID of version 8 (RFC 9562): of the content, not of chance. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) % 4]!;
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
