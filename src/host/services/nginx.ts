import { readText, type Host } from '../host.ts';
import type { DeclaredFiles } from './systemd.ts';

const DIRECTORIES = ['/etc/nginx/sites-enabled', '/etc/nginx/conf.d'];
const LIMIT = 262_144;

/** nginx says itself which certificate it serves; the first server block stands for all. */
export async function nginxFiles(host: Host): Promise<Pick<DeclaredFiles, 'certificate' | 'privateKey'>> {
  const texts: string[] = [];
  for (const directory of DIRECTORIES) {
    for (const name of (await host.list(directory)) ?? []) {
      texts.push((await readText(host, `${directory}/${name}`, LIMIT)) ?? '');
    }
  }
  texts.push((await readText(host, '/etc/nginx/nginx.conf', LIMIT)) ?? '');
  const value = (directive: string): string | null =>
    new RegExp(String.raw`^\s*${directive}\s+"?(/[^\s";]+)"?\s*;`, 'm').exec(texts.join('\n'))?.[1] ?? null;
  return { certificate: value('ssl_certificate'), privateKey: value('ssl_certificate_key') };
}
