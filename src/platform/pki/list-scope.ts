import type { X509Crl } from '@peculiar/x509';
import { type Element, readElements } from '../../model/ber.ts';

const ISSUING_POINT = '2.5.29.28';
/** Their number, who signed, and where newer ones are: none of that leaves anything out. */
const HARMLESS = ['2.5.29.20', '2.5.29.35', '2.5.29.46', '1.3.6.1.5.5.7.1.1'];
const [POINT, ONLY_USERS] = [0xa0, 0x81];
const [FULL_NAME, URI] = [0xa0, 0x86];
const TRUE = 0xff;

/**
 * Why a list does not hold all that its issuer revoked of servers' certificates, or null (RFC 5280 §5.2.5, §6.3.3). One
 * that is for a part of them counts where it names the address that the certificate sent us to.
 */
export function whyPartial(crl: Pick<X509Crl, 'extensions'>, url: string): string | null {
  for (const { type, critical, value } of crl.extensions) {
    if (type === ISSUING_POINT) {
      const why = whyNotHere(Buffer.from(value), url);
      if (why !== null) return why;
    } else if (critical && !HARMLESS.includes(type)) return `it has an extension that we do not know (${type})`;
  }
  return null;
}

function whyNotHere(der: Buffer, url: string): string | null {
  const parts = readElements(readElements(der)[0]?.body ?? Buffer.alloc(0));
  for (const part of parts) {
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
