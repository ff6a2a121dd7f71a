import { element, type Element, integer, numberOf, readElement, readElements, text } from '../../model/ber.ts';

/** Just enough of SNMP to read one object by the public community, and what version 3 says of an engine unasked. */
const SYS_DESCR = Buffer.from([0x2b, 6, 1, 2, 1, 1, 1, 0]);
const ID = 0x6c65;
const GET = 0xa0;
const RESPONSE = 0xa2;
const REPORT = 0xa8;
const SEQUENCE = 0x30;

/** GET sysDescr.0 (RFC 3416): read-only, one object. */
export const DESCRIPTION_QUERY = ((): Buffer => {
  const binding = element(SEQUENCE, element(0x06, SYS_DESCR), element(0x05));
  const get = element(GET, integer(ID), integer(0), integer(0), element(SEQUENCE, binding));
  return element(SEQUENCE, integer(1), text(0x04, 'public'), get);
})();

/** RFC 3414 §4: who asks with an empty engine id is told the right one; no user is named. */
export const ENGINE_QUERY = ((): Buffer => {
  const head = element(SEQUENCE, integer(ID), integer(65_507), element(0x04, Buffer.from([4])), integer(3));
  const security = element(SEQUENCE, text(4, ''), integer(0), integer(0), text(4, ''), text(4, ''), text(4, ''));
  const get = element(GET, integer(ID), integer(0), integer(0), element(SEQUENCE));
  const scoped = element(SEQUENCE, text(4, ''), text(4, ''), get);
  return element(SEQUENCE, integer(3), head, element(0x04, security), scoped);
})();

const within = (bytes: Buffer | undefined): Element[] => readElements(bytes ?? Buffer.alloc(0));
const message = (bytes: Buffer): Element[] => within(readElement(bytes)?.element.body);

/** What it says that it is; empty where it answered without; null where this is no answer to our question. */
export function readDescription(bytes: Buffer): string | null {
  const [version, , pdu] = message(bytes);
  if (!version || numberOf(version) > 1 || pdu?.tag !== RESPONSE) return null;
  const [id, , , list] = within(pdu.body);
  if (!id || numberOf(id) !== ID) return null;
  const value = within(within(list?.body)[0]?.body)[1];
  return value?.tag === 0x04 ? value.body.toString('utf8') : '';
}

/** The enterprise number of an engine's id (RFC 3411 §5); null where this is no report of one. */
export function readEngine(bytes: Buffer): number | null {
  const [version, , security, scoped] = message(bytes);
  if (!version || numberOf(version) !== 3 || security?.tag !== 0x04) return null;
  const isReport = within(scoped?.body)[2]?.tag === REPORT;
  const engine = message(security.body)[0]?.body;
  return isReport && engine && engine.length >= 5 ? engine.readUInt32BE(0) & 0x7fffffff : null;
}
