import { AppError } from '../../model/errors/index.ts';
import type { PackageFact, ServiceFact } from '../../model/facts.ts';
import { readText } from '../host.ts';
import { listPolicies, listsStamp } from '../packages/apt.ts';
import { packageDatabase, type PackageDatabase } from '../packages/database.ts';
import { parseArchives, type Archives } from '../packages/origins.ts';
import { readServices, type Services } from '../services/manager.ts';
import { nginxFiles, type NginxFiles } from '../services/nginx.ts';
import { declaredFiles, listDropIns, showUnits, type Unit } from '../services/systemd.ts';
import { askSshd, sshdInForce, type SshdSettings } from '../settings/sshd-in-force.ts';
import { nothingRead } from '../settings/sshd-pending.ts';
import { sshdStamp } from '../settings/sshd-stamp.ts';
import type { Look } from './look.ts';
import { entryOf } from '../../model/entry-of.ts';

/** What more than one section needs, read once a look. */
export const osRelease = (look: Look): Promise<Record<string, string>> =>
  look.once('os-release', async () => {
    const text = (await readText(look.host, '/etc/os-release')) ?? (await readText(look.host, '/usr/lib/os-release'));
    const pairs = (text ?? '').split('\n').flatMap((line) => {
      const match = /^(\w+)=(["']?)(.*)\2\s*$/.exec(line);
      return match ? [[match[1]!, match[3]!] as const] : [];
    });
    return Object.fromEntries(pairs);
  });

/** The archives that apt knows; null: there is no apt that says. */
export const archives = (look: Look): Promise<Archives | null> =>
  look.once('archives', async () =>
    look.kept('archives', await listsStamp(look.host), async () => {
      const told = await listPolicies(look.host);
      return told === null ? null : parseArchives(told);
    }),
  );

/** os-release's id → ecosystem as OSV names it. */
const ECOSYSTEMS: Record<string, string> = {
  almalinux: 'AlmaLinux',
  alpaquita: 'Alpaquita',
  alpine: 'Alpine',
  azurelinux: 'Azure Linux',
  chainguard: 'Chainguard',
  debian: 'Debian',
  mageia: 'Mageia',
  mariner: 'Azure Linux',
  minimos: 'MinimOS',
  'opensuse-leap': 'openSUSE',
  'opensuse-tumbleweed': 'openSUSE',
  raspbian: 'Debian',
  rhel: 'Red Hat',
  rocky: 'Rocky Linux',
  sled: 'SUSE',
  sles: 'SUSE',
  sles_sap: 'SUSE',
  ubuntu: 'Ubuntu',
  wolfi: 'Wolfi',
};

/** Without the release. */
export async function ecosystem(look: Look): Promise<string> {
  const id = (await osRelease(look))['ID'] ?? '';
  return entryOf(ECOSYSTEMS, id) ?? (id || 'unknown');
}

/** Null: none that we can read. */
export const database = (look: Look): Promise<PackageDatabase | null> =>
  look.once('package-database', async () => {
    const release = await osRelease(look);
    return packageDatabase(look.host, `${release['ID'] ?? ''} ${release['ID_LIKE'] ?? ''}`);
  });

export const packages = (look: Look): Promise<PackageFact[]> =>
  look.once('packages', async () => {
    const name = await ecosystem(look);
    const found = await database(look);
    return found === null ? [] : look.kept('packages', `${name} ${found.stamp}`, () => found.read(name));
  });

type Owners = Map<string, string | null>;

/** Package of each file. Answers are kept until the package database changes: reading all file lists is dear. */
export async function packageOf(look: Look, paths: ReadonlySet<string>): Promise<ReadonlyMap<string, string | null>> {
  const owners = await database(look);
  const answers = await look.kept('package-of-file', '', async () => ({ stamp: '', known: new Map() as Owners }));
  const stamp = owners?.stamp ?? 'none';
  if (answers.stamp !== stamp) {
    const earlier = await earlierOwners(look);
    for (const [path, name] of answers.known) if (name !== null) earlier.set(path, name);
    answers.stamp = stamp;
    answers.known = new Map();
  }
  const { known } = answers;
  const missing = [...paths].filter((path) => !known.has(path));
  const found = missing.length === 0 ? undefined : await owners?.ownersOf(missing);
  for (const path of missing) known.set(path, found?.get(path) ?? null);
  return known;
}

/**
 * Whose files were before the last upgrades: a library with its version in its name belongs to nobody once the package has
 * another, while processes still run from it.
 */
export const earlierOwners = (look: Look): Promise<Map<string, string>> =>
  look.kept('earlier-owners', '', async () => new Map<string, string>());

/** What systemd says of services and timers: asking it twice would start two programs. Null: it does not answer. */
export const systemd = (look: Look): Promise<string | null> => look.once('systemd', () => showUnits(look.host));

export const managed = (look: Look): Promise<Services | null> =>
  look.once('units', async () => readServices(look.host, await systemd(look)));

export const units = async (look: Look): Promise<Map<string, Unit> | null> => (await managed(look))?.units ?? null;

export const nginx = (look: Look): Promise<NginxFiles> => look.once('nginx', () => nginxFiles(look.host));

export const services = (look: Look): Promise<ServiceFact[]> =>
  look.once('services', async () => {
    const dropIns = await listDropIns(look.host);
    const facts: ServiceFact[] = [];
    for (const unit of (await units(look))?.values() ?? []) {
      const declared = await declaredFiles(look.host, unit, dropIns);
      const own = /^nginx(?:\.service)?$/.test(unit.name) ? await nginx(look) : null;
      facts.push({
        ...unit,
        ...declared,
        certificate: declared.certificate ?? own?.certificate ?? null,
        privateKey: declared.privateKey ?? own?.privateKey ?? null,
      });
    }
    return facts;
  });

/** uid → name. */
export const users = (look: Look): Promise<{ name: string; uid: number; gid: number; home: string; shell: string }[]> =>
  look.once('users', async () =>
    ((await readText(look.host, '/etc/passwd')) ?? '').split('\n').flatMap((line) => {
      const [name, , uid, gid, , home = '', shell = ''] = line.split(':');
      return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid), home, shell }] : [];
    }),
  );

/** Settings of sshd. Asking it starts a program: only where it may say something else than it last did. */
export const sshd = (look: Look): Promise<SshdSettings> =>
  look.once('sshd', async () =>
    sshdInForce(look.host, () => askedBefore(look), await look.kept('sshd-read', '', async () => nothingRead())),
  );

async function askedBefore(look: Look): Promise<Record<string, string> | null> {
  const own = await sshdStamp(look.host).catch(() => null);
  if (own === null) return askSshd(look.host);
  const asked = look.kept('sshd-told', `${own} ${(await database(look))?.stamp}`, async () => {
    const told = await askSshd(look.host);
    // A refusal may be over the next time.
    if (told === null)
      throw new AppError('HOST_COMMAND', { command: 'sshd -T', code: 'an error', why: 'it does not tell' });
    return told;
  });
  return asked.catch(() => null);
}
