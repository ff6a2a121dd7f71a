import { type Element, readElements } from '../../model/ber.ts';
import type { ReadList } from './list-reader.ts';

const ISSUING_POINT = '2.5.29.28';
/** Their number, who signed, and where newer ones are: none of that leaves anything out. */
const HARMLESS = ['2.5.29.20', '2.5.29.35', '2.5.29.46', '1.3.6.1.5.5.7.1.1'];
const [POINT, ONLY_USERS, INDIRECT] = [0xa0, 0x81, 0x84];
const [FULL_NAME, URI] = [0xa0, 0x86];
const TRUE = 0xff;

const extensionsOf = ({ extensions }: Pick<ReadList, 'extensions'>, isPoint: boolean) =>
  extensions.filter(({ type }) => (type === ISSUING_POINT) === isPoint);

/**
 * Why a list says nothing of any certificate, not even that it is revoked (RFC 5280 §5.2): a serial number in it may be
 * another issuer's, or one that is taken back.
 */
export function whyUnusable(crl: Pick<ReadList, 'extensions'>): string | null {
  const strange = extensionsOf(crl, false).find(({ type, critical }) => critical && !HARMLESS.includes(type));
  if (strange) return `it has an extension that we do not know (${strange.type})`;
  const isIndirect = extensionsOf(crl, true)
    .flatMap(({ value }) => partsOf(value))
    .some(({ tag, body }) => tag === INDIRECT && body[0] !== 0);
  return isIndirect ? 'it lists certificates of other issuers, too' : null;
}

/**
 * Why a list does not hold all that its issuer revoked of servers' certificates, or null (RFC 5280 §5.2.5, §6.3.3). One
 * that is for a part of them counts where it names the address that the certificate sent us to.
 */
export function whyPartial(crl: Pick<ReadList, 'extensions'>, url: string): string | null {
  for (const { value } of extensionsOf(crl, true)) {
    const why = whyNotHere(value, url);
    if (why !== null) return why;
  }
  return null;
}

const partsOf = (der: Buffer): Element[] => readElements(readElements(der)[0]?.body ?? Buffer.alloc(0));

function whyNotHere(der: Buffer, url: string): string | null {
  for (const part of partsOf(der)) {
    if (part.tag === POINT) {
      if (!urisOf(part).includes(url)) return 'it is for another distribution point';
    } else if (part.tag !== ONLY_USERS && part.body[0] === TRUE) return 'it is for some certificates or reasons only';
    else if (part.tag === 0x83) return 'it is for some reasons only';
  }
  return null;
}

function urisOf(point: Element): string[] {
  const names = readElements(point.body).filter(({ tag }) => tag === FULL_NAME);
  return names.flatMap(({ body }) =>
    readElements(body)
      .filter(({ tag }) => tag === URI)
      .map((uri) => uri.body.toString('latin1')),
  );
}
