import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Files } from './files.ts';
import { NODE_BINARY } from './packages.ts';
import type { HostSpec, ServiceSpec } from './spec.ts';

export interface KeyAndCertificate {
  key: string;
  certificate: string;
}

const SERVER = join(import.meta.dirname, '../guest/services/server.js');

/** Programs, settings, keys and units of a host's own applications. */
export function serviceFiles(
  spec: HostSpec,
  addressOf: (host: string) => string,
  certificates: ReadonlyMap<string, KeyAndCertificate>,
): Files {
  const files: Files = {};
  for (const service of spec.services) {
    const paths = pathsOf(service);
    files[paths.program] = readFileSync(SERVER, 'utf8');
    files[paths.config] = `${JSON.stringify(configOf(spec, service, addressOf), null, 2)}\n`;
    files[`/etc/systemd/system/${service.name}.service`] = unitOf(service);
    if (!service.certificate) continue;
    const identity = certificates.get(service.certificate);
    if (!identity) throw new Error(`The demo has no certificate called ${service.certificate}.`);
    files[paths.certificate] = identity.certificate;
    files[paths.key] = { text: identity.key, mode: spec.weaknesses.includes('key-readable') ? 0o644 : 0o600 };
    files[paths.secret] = { text: `${randomBytes(32).toString('hex')}\n`, mode: 0o600 };
  }
  return files;
}

function pathsOf({
  name,
  certificate = name,
}: ServiceSpec): Record<'program' | 'config' | 'certificate' | 'key' | 'secret', string> {
  return {
    program: `/srv/${name}/server.js`,
    config: `/etc/${name}/config.json`,
    certificate: `/etc/ssl/certs/${certificate}.pem`,
    key: `/etc/ssl/private/${certificate}.key`,
    secret: `/etc/${name}/session.secret`,
  };
}

function configOf(spec: HostSpec, service: ServiceSpec, addressOf: (host: string) => string): object {
  const paths = pathsOf(service);
  return {
    name: service.name,
    address: addressOf(spec.name),
    port: service.port,
    ...(service.certificate
      ? { tls: { key: paths.key, certificate: paths.certificate, sessionSecret: paths.secret } }
      : {}),
    upstreams: (service.upstreams ?? []).map(({ host, port, connections }) => ({
      address: addressOf(host),
      port,
      connections,
    })),
  };
}

function unitOf(service: ServiceSpec): string {
  const paths = pathsOf(service);
  const declared = service.certificate
    ? `\n[X-Lastember]\nCertificate=${paths.certificate}\nPrivateKey=${paths.key}\nSessionSecret=${paths.secret}\n`
    : '';
  return `[Unit]
Description=${service.description}
After=network.target

[Service]
ExecStart=${NODE_BINARY} ${paths.program} ${paths.config}
Restart=on-failure
RestartSec=200ms

[Install]
WantedBy=multi-user.target
${declared}`;
}
