import { element, type Element, integer, numberOf, readElement, readElements, text } from '../../model/ber.ts';
import type { ServiceProbe } from '../../model/probe.ts';
import type { Conversation } from '../scanner/conversation.ts';
import type { Probe } from './contract.ts';
import { readUntil, serviceResult, stopped, talk } from './service-result.ts';
import { ldapStarttls } from './starttls/dialogues.ts';
import { withTls } from './starttls/index.ts';

const DEADLINE_MS = 6000;
const STARTTLS_OID = '1.3.6.1.4.1.1466.20037';
const TAG = { sequence: 0x30, set: 0x31, octets: 0x04, search: 0x63, entry: 0x64, done: 0x65 } as const;
const ROOT_ATTRIBUTES = [
  'objectClass',
  'namingContexts',
  'supportedLDAPVersion',
  'supportedExtension',
  'supportedSASLMechanisms',
  'vendorName',
  'vendorVersion',
  'dnsHostName',
  'isGlobalCatalogReady',
];

/** A search of one entry itself, never of what is below it (RFC 4511 §4.5.1). */
function search(id: number, base: string, attributes: readonly string[]): Buffer {
  const filter = text(0x87, 'objectClass');
  const wanted = element(TAG.sequence, ...attributes.map((name) => text(TAG.octets, name)));
  const body = [text(TAG.octets, base), integer(0, 0x0a), integer(0, 0x0a), integer(1), integer(5)];
  return element(
    TAG.sequence,
    integer(id),
    element(TAG.search, ...body, element(0x01, Buffer.from([0])), filter, wanted),
  );
}

interface Found {
  entry: Map<string, string[]> | null;
  /** of the search (RFC 4511 §4.1.9); null where the answer is none of LDAP */
  code: number | null;
}

const operations = (bytes: Buffer): Element[] =>
  readElements(bytes).flatMap(({ tag, body }) => (tag === TAG.sequence ? (readElements(body)[1] ?? []) : []));

const isWhole = (bytes: Buffer): boolean =>
  operations(bytes).some(({ tag }) => tag === TAG.done) || (bytes.length > 0 && bytes[0] !== TAG.sequence);

async function ask(conversation: Conversation, request: Buffer): Promise<Found> {
  conversation.write(request);
  const answers = operations(await readUntil(conversation, isWhole));
  const done = answers.find(({ tag }) => tag === TAG.done);
  const entry = answers.find(({ tag }) => tag === TAG.entry);
  const code = done ? readElements(done.body)[0] : undefined;
  return { entry: entry ? attributesOf(entry) : null, code: code ? numberOf(code) : null };
}

function attributesOf({ body }: Element): Map<string, string[]> {
  const list = readElements(readElements(body)[1]?.body ?? Buffer.alloc(0));
  return new Map(
    list.map((one) => {
      const [name, values] = readElements(one.body);
      return [
        name?.body.toString('latin1').toLowerCase() ?? '',
        readElements(values?.body ?? Buffer.alloc(0)).map((value) => value.body.toString('utf8')),
      ];
    }),
  );
}

function productOf(root: Map<string, string[]>): { product?: string; version?: string } {
  const vendor = root.get('vendorname')?.[0];
  const version = /(\d[\w.]*)/.exec(root.get('vendorversion')?.[0] ?? '')?.[1];
  if (vendor) return { product: vendor, ...(version ? { version } : {}) };
  if (root.get('objectclass')?.includes('OpenLDAProotDSE')) return { product: 'OpenLDAP' };
  return root.has('isglobalcatalogready') ? { product: 'Microsoft Active Directory' } : {};
}

const NEEDS_LOGIN = new Map([
  [1, 'operations error'],
  [8, 'stronger authentication required'],
  [48, 'inappropriate authentication'],
  [50, 'insufficient access'],
  [53, 'unwilling to perform'],
]);

function verdictOf(base: string, found: Found): { access: 'open' | 'refused' | 'unknown'; what: string } {
  if (found.entry) return { access: 'open', what: `an anonymous search of ${base} was answered` };
  const why = NEEDS_LOGIN.get(found.code ?? -1);
  if (why) return { access: 'refused', what: `an anonymous search of ${base} was refused: ${why}` };
  return {
    access: 'unknown',
    what: `an anonymous search of ${base} brought nothing, which servers also say who refuse`,
  };
}

/** Directories: the root entry, which everybody may read, and whether anonymous clients see more. */
export const ldapProbe: Probe = {
  protocol: 'ldap',
  ports: [389, 636, 3268, 3269],
  asks: {
    opening: () => search(1, '', ROOT_ATTRIBUTES),
    knows: (answer) => operations(answer).some(({ tag }) => tag === TAG.entry || tag === TAG.done),
  },
  recognises: (greeting) => {
    const whole = readElement(greeting);
    return whole !== null && operations(greeting).some(({ tag }) => tag === TAG.entry || tag === TAG.done);
  },
  probe: async (target) => {
    const { root, found, base } = await talk(target, 'ldap', DEADLINE_MS, async (conversation) => {
      const { entry: root, code } = await ask(conversation, search(1, '', ROOT_ATTRIBUTES));
      if (!root && code === null) throw stopped(target, 'ldap', 'the answer to a search was not LDAP');
      const base = root?.get('namingcontexts')?.find((name) => name !== '') ?? null;
      return { root, base, found: base === null ? null : await ask(conversation, search(2, base, ['1.1'])) };
    });
    const result = resultOf(root ?? new Map(), base, found);
    const offered = root?.get('supportedextension')?.includes(STARTTLS_OID) ?? null;
    return withTls(result, target, { offered, dialogue: ldapStarttls });
  },
};

function resultOf(root: Map<string, string[]>, base: string | null, found: Found | null): ServiceProbe {
  const verdict =
    base !== null && found
      ? verdictOf(base, found)
      : { access: 'unknown' as const, what: 'it names nothing that could be searched' };
  return serviceResult('ldap', {
    ...productOf(root),
    ...verdict,
    details: {
      contexts: root.get('namingcontexts')?.join('; '),
      versions: root.get('supportedldapversion')?.join(', '),
      mechanisms: root.get('supportedsaslmechanisms')?.join(', '),
      hostname: root.get('dnshostname')?.[0],
    },
  });
}
