import type { X509Certificate } from 'node:crypto';
import type { CertificateFact } from '../../model/facts.ts';
import { namesOf, readCertificates, readPrivateKey, spkiOf } from '../pki/read.ts';
import type { Host } from '../host.ts';
import { remembered } from '../remembered.ts';
import { by, each, type FactSection, type Look } from './look.ts';
import { nginx, services } from './shared.ts';

/** Our own identity and what distributions ship (authorities that are trusted, not keys that are used) do not belong. */
const NOT_OURS =
  /^\/(?:etc\/lastember|var\/lib\/lastember|usr\/share\/ca-certificates|usr\/local\/share\/ca-certificates)\//;
const DIRECTORIES = [
  '/etc/ssl/private',
  '/etc/ssl/certs',
  '/etc/nginx',
  '/etc/nginx/ssl',
  '/etc/apache2/ssl',
  '/etc/ssl',
];
const LIVE = '/etc/letsencrypt/live';
const LOOKS_RIGHT = /\.(?:pem|crt|cer|key)$/;
const BUNDLES = new Set(['/etc/ssl/certs/ca-certificates.crt']);
const SIZE_LIMIT = 65_536;
const FILES_LIMIT = 500;

/** Certificates and keys where services keep them: public parts only, keys by the hash of their public half. */
export const certificates: FactSection<'certificates'> = {
  name: 'certificates',
  version: 2,
  async collect(look) {
    const paths = [...(await wantedPaths(look))].slice(0, FILES_LIMIT);
    const facts = await each(paths, (path) => describe(look.host, path));
    return facts.flat().sort(
      by(
        (fact) => fact.path,
        (fact) => fact.kind,
      ),
    );
  },
};

/** Files that units name come first, so that no limit can push them out. */
async function wantedPaths(look: Look): Promise<Set<string>> {
  const named = (await services(look)).flatMap((service) => [service.certificate, service.privateKey]);
  // Of several servers none stands for the unit; their files are looked at all the same.
  const wanted = new Set([...named.filter((path) => path !== null), ...(await nginx(look)).named]);
  const beside = new Set([...wanted].map((path) => path.slice(0, path.lastIndexOf('/'))));
  const live = ((await look.host.list(LIVE)) ?? []).map((name) => `${LIVE}/${name}`);
  for (const directory of new Set([...beside, ...DIRECTORIES, ...live])) {
    for (const name of (await look.host.list(directory)) ?? []) {
      const path = `${directory}/${name}`;
      if (LOOKS_RIGHT.test(name) && !BUNDLES.has(path)) wanted.add(path);
    }
  }
  return new Set([...wanted].filter((path) => !NOT_OURS.test(path)));
}

async function describe(host: Host, path: string): Promise<CertificateFact[]> {
  const link = path.startsWith('/etc/ssl/certs/') ? await host.readlink(path) : null;
  if (link !== null && (NOT_OURS.test(link) || /^[0-9a-f]{8}\.\d+$/.test(path.slice(15)))) return [];
  const stat = await host.stat(path);
  if (stat?.kind !== 'file' || stat.size > SIZE_LIMIT) return [];
  const text = Buffer.from((await host.read(path)) ?? []).toString('utf8');
  const mode = stat.mode.toString(8).padStart(4, '0');
  return read(text).map((one) => ({ ...one, path, mode }));
}

type Read = Omit<CertificateFact, 'path' | 'mode'>;

/** Some hosts', with some files each. To read one is dear, and of a key only the hash of its public half is kept. */
const FILES_KEPT = 4000;
const read = remembered(FILES_KEPT, (text: string): readonly Read[] => [...certificateIn(text), ...keyIn(text)]);

/** The first certificate of a file is the one that is served; those after it are its issuers. */
function certificateIn(text: string): Read[] {
  let certificate: X509Certificate | undefined;
  try {
    certificate = readCertificates(text)[0];
  } catch {
    return [];
  }
  if (!certificate) return [];
  return [
    {
      kind: 'certificate',
      spki: spkiOf(certificate.publicKey),
      fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      serial: certificate.serialNumber,
      subject: oneLine(certificate.subject),
      issuer: oneLine(certificate.issuer),
      names: namesOf(certificate),
      notBefore: certificate.validFromDate.toISOString(),
      notAfter: certificate.validToDate.toISOString(),
    },
  ];
}

const oneLine = (name: string | undefined): string => (name ?? '').split('\n').join(', ');

function keyIn(text: string): Read[] {
  const key = readPrivateKey(text);
  if (!key) return [];
  const nothing = { fingerprint: null, serial: null, subject: null, issuer: null, notBefore: null, notAfter: null };
  return [{ kind: 'private-key', spki: spkiOf(key), ...nothing, names: [] }];
}
