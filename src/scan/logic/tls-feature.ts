import { readElements } from '../../model/ber.ts';

const FEATURES = '2b06010505070118';
const EXTENSIONS = 0xa3;
const STATUS_REQUEST = new Set([5, 17]);

/** The certificate says that whoever serves it shows a response about its revocation beside it (RFC 7633). */
export function mustStaple(der: Buffer): boolean {
  const whole = readElements(der)[0];
  const signed = whole && readElements(whole.body)[0];
  const wrapped = signed && readElements(signed.body).find(({ tag }) => tag === EXTENSIONS);
  const list = wrapped && readElements(wrapped.body)[0];
  const found = (list ? readElements(list.body) : [])
    .map(({ body }) => readElements(body))
    .find(([id]) => id?.body.toString('hex') === FEATURES);
  const features = found?.at(-1) && readElements(found.at(-1)!.body)[0];
  return features !== undefined && readElements(features.body).some(({ body }) => isStatus(body));
}

const isStatus = (body: Buffer): boolean => body.length === 1 && STATUS_REQUEST.has(body[0]!);
