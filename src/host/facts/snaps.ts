import { AppError } from '../../model/errors/index.ts';
import type { SnapFact, SnapsFacts } from '../../model/facts.ts';
import { readText, stampOf, type Host } from '../host.ts';
import { MOUNTS, snapOf, type SnapInUse } from '../snaps/processes.ts';
import { isRevision, namesOfFiles, parseState, type Installed } from '../snaps/state.ts';
import { wordOf } from '../snaps/words.ts';
import { by, each, type FactSection, type Look } from './look.ts';
import { processes, userOf } from './running.ts';

const FILES = '/var/lib/snapd/snaps';
const STATE = '/var/lib/snapd/state.json';
const ASSERTIONS = '/var/lib/snapd/assertions/asserts-v0';
const MOST = 1000;
const STATE_LIMIT = 16 * 1024 * 1024;
/** Over a network. */
const FAR_LIMIT = 4 * 1024 * 1024;
const FILE_LIMIT = 1024 * 1024;

type Unread = SnapsFacts['unread'];
type Used = SnapInUse & { by: string };

/** Installed snaps, by what lies on the disk: no command is run, and snapd is not woken. */
export const snaps: FactSection<'snaps'> = {
  name: 'snaps',
  version: 1,
  async collect(look): Promise<SnapsFacts> {
    const files = await look.host.list(FILES);
    if (files === null) return { snaps: [], unread: [] };
    const unread: Unread = [];
    const installed = (await noted(look, unread)) ?? (await linked(look.host, namesOfFiles(files), unread));
    if (installed.length > MOST) unread.push({ path: FILES, why: `more than ${MOST} snaps: the others are not told` });
    const used = installed.length === 0 ? [] : await inUse(look);
    const told = await each(installed.slice(0, MOST), (one) => describe(look, one, used, unread));
    return { snaps: told.sort(by(({ name }) => name)), unread: unread.sort(by(({ path }) => path)).slice(0, 200) };
  },
};

/** By snapd's own notes; null: they may not be read, and the files say less. */
async function noted(look: Look, unread: Unread): Promise<Installed[] | null> {
  const { host } = look;
  const skip = (why: string): null => {
    unread.push({ path: STATE, why: `${why}: channels, publishers and whether a snap is in use are not known` });
    return null;
  };
  const stat = await host.stat(STATE).catch(() => undefined);
  if (stat === null) return null;
  if (stat === undefined) return skip('it could not be looked at');
  const limit = host.far ? FAR_LIMIT : STATE_LIMIT;
  if (stat.size > limit) return skip(`it is larger than ${limit / 1024 / 1024} MB`);
  const told = await look
    .kept('snaps noted', stampOf(stat), async () => parsed((await readText(host, STATE, limit)) ?? ''))
    .catch(() => null);
  if (told === null) return skip('it could not be read');
  if (Array.isArray(told)) return told;
  throw new AppError('HOST_FILE', { doing: 'reading', path: STATE, why: `these are no notes of snapd (${told.why})` });
}

function parsed(text: string): Installed[] | { why: string } {
  try {
    return parseState(text);
  } catch (error) {
    return { why: (error as Error).message.slice(0, 200) };
  }
}

/** By the links to what is current: for who may not read the notes. */
async function linked(host: Host, names: readonly string[], unread: Unread): Promise<Installed[]> {
  const found = await each(names.slice(0, MOST + 1), async (name): Promise<Installed | null> => {
    const links = await each(MOUNTS, (mount) => host.readlink(`${mount}/${name}/current`).catch(() => null));
    const revision = links.find((link) => link !== null && isRevision(link)) ?? null;
    if (revision === null) {
      unread.push({ path: `/snap/${name}/current`, why: 'nothing says which revision is current' });
      return null;
    }
    return { name, revision, id: null, type: null, channel: null, confinement: null, active: true };
  });
  return found.filter((one) => one !== null);
}

async function inUse(look: Look): Promise<Used[]> {
  const found = await each([...(await processes(look)).values()], async (process): Promise<Used | null> => {
    const snap = snapOf(process);
    if (snap === null) return null;
    // Its own unit tells whose it is where a program of its base does not, whoever else answers for units.
    const own = process.cgroupUnit?.startsWith('snap.') ? process.cgroupUnit : null;
    return { ...snap, by: own ?? (await userOf(look, process)) };
  });
  return found.filter((one) => one !== null);
}

async function describe(look: Look, one: Installed, used: readonly Used[], unread: Unread): Promise<SnapFact> {
  const own = await ownWords(look.host, one, unread);
  const word = (key: string): string | null => (own === null ? null : wordOf(own, key));
  const mine = used.filter(({ name }) => name === one.name);
  return {
    name: one.name,
    snap: one.name.split('_')[0]!,
    version: word('version'),
    revision: one.revision,
    channel: one.channel,
    publisher: one.id === null ? null : await publisherOf(look, one.id),
    base: word('base'),
    type: one.type ?? word('type') ?? 'app',
    confinement: one.confinement ?? asked(word('confinement'), own),
    active: one.active,
    usedBy: distinct(mine),
    stale: distinct(mine.filter(({ revision }) => revision !== null && revision !== one.revision)),
  };
}

const distinct = (used: readonly Used[]): string[] => [...new Set(used.map((one) => one.by))].sort();

/** What it asks for; nobody could install it as something else without saying so. */
function asked(confinement: string | null, own: string | null): SnapFact['confinement'] {
  if (own === null) return null;
  return confinement === 'classic' || confinement === 'devmode' ? confinement : 'strict';
}

/** `meta/snap.yaml` within the snap, which is there while it is mounted. */
async function ownWords(host: Host, { name, revision, active }: Installed, unread: Unread): Promise<string | null> {
  for (const mount of MOUNTS) {
    const path = `${mount}/${name}/${revision}/meta/snap.yaml`;
    const text = await readText(host, path, FILE_LIMIT).catch((error: unknown) => error as Error);
    if (text === null) continue;
    if (typeof text === 'string' && wordOf(text, 'version') !== null) return text;
    const why = typeof text === 'string' ? 'it names no version' : text.message.slice(0, 300);
    unread.push({ path, why });
    return null;
  }
  // What is disabled is not mounted.
  if (active) unread.push({ path: `/snap/${name}/${revision}/meta/snap.yaml`, why: 'it is not there' });
  return null;
}

/** By the store's word on whose snap it is, and who that is. */
async function publisherOf(look: Look, id: string): Promise<string | null> {
  const snap = await assertion(look, `snap-declaration/16/${id}`);
  const account = snap && wordOf(snap, 'publisher-id');
  if (!account) return null;
  const whose = await assertion(look, `account/${account}`);
  return (whose && wordOf(whose, 'username')) ?? account;
}

/** The newest one of its kind; whatever is wrong with it, nobody is named. */
async function assertion(look: Look, place: string): Promise<string | null> {
  if (!/^[a-z-]+(?:\/[A-Za-z0-9-]{1,64}){1,2}$/.test(place)) return null;
  const at = `${ASSERTIONS}/${place}`;
  return look.once(`assertion ${place}`, async () => {
    const names = ((await look.host.list(at).catch(() => null)) ?? []).filter((name) =>
      /^active(?:\.\d+)?$/.test(name),
    );
    const texts = await each(names.slice(0, 10), (name) =>
      readText(look.host, `${at}/${name}`, FILE_LIMIT).catch(() => null),
    );
    const newest = by<string>((text) => -Number(wordOf(text, 'revision') ?? 0));
    return texts.filter((text) => text !== null).sort(newest)[0] ?? null;
  });
}
