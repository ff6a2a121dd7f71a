import type { ServiceFact } from '../../model/facts.ts';
import { AppError } from '../../model/errors/index.ts';
import { readText, type Host } from '../host.ts';
import { by, type FactSection } from './look.ts';
import { services as read, units } from './shared.ts';

export const services: FactSection<'services'> = {
  name: 'services',
  version: 2,
  async collect(look) {
    // Without an answer the services are unknown, which is not the same as none.
    if ((await units(look)) === null) throw new AppError('HOST_NO_SERVICES');
    const facts: ServiceFact[] = [];
    for (const fact of await read(look))
      facts.push(/^nginx(?:\.service)?$/.test(fact.name) ? await nginx(look.host, fact) : fact);
    return facts.sort(by((fact) => fact.name));
  },
};

/** nginx says itself which certificate it serves; the first server block stands for all. */
async function nginx(host: Host, fact: ServiceFact): Promise<ServiceFact> {
  const texts: string[] = [];
  for (const directory of ['/etc/nginx/sites-enabled', '/etc/nginx/conf.d']) {
    for (const name of (await host.list(directory)) ?? []) {
      texts.push((await readText(host, `${directory}/${name}`, 262_144)) ?? '');
    }
  }
  texts.push((await readText(host, '/etc/nginx/nginx.conf', 262_144)) ?? '');
  const value = (directive: string): string | null =>
    new RegExp(String.raw`^\s*${directive}\s+"?(/[^\s";]+)"?\s*;`, 'm').exec(texts.join('\n'))?.[1] ?? null;
  return {
    ...fact,
    certificate: fact.certificate ?? value('ssl_certificate'),
    privateKey: fact.privateKey ?? value('ssl_certificate_key'),
  };
}
