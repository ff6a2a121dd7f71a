import type { MapNode, NetworkMap } from '../../model/map.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { connectedHosts, linksBetween } from './store-map.ts';

/** Blocks shown; an estate with more shows its fullest. */
const MOST_BLOCKS = 300;
/** Hosts of an opened block: a whole /24. */
const MOST_HOSTS = 256;
const MOST_LINKS = 3000;
type Home = Awaited<ReturnType<Discovery['map']['homesOf']>>[number];

/** Subnets and who talks to whom in them; of those that are opened, their hosts. */
export async function networkMap(
  { platform, discovery }: { platform: Platform; discovery: Discovery },
  open: readonly string[],
): Promise<NetworkMap> {
  const [known, opened, connected] = await Promise.all([
    discovery.map.blocks(MOST_BLOCKS),
    Promise.all(open.map((block) => discovery.map.homesIn(block, MOST_HOSTS))),
    connectedHosts(platform.db),
  ]);
  const homes = await discovery.map.homesOf(connected);
  const shown = new Set(opened.flat().map(({ id }) => id));
  const blocks = new Set(known.items.map(({ block }) => block));
  const places = homes
    .filter(({ id, block }) => shown.has(id) || blocks.has(block))
    .map(({ id, block }) => ({ hostId: id, node: shown.has(id) ? id : block }));
  const { links, more } = await linksBetween(platform.db, places, MOST_LINKS);
  const within = new Map(links.filter(({ from, to }) => from === to).map(({ from, pairs }) => [from, pairs]));
  const nodes = known.items.flatMap((block): MapNode[] => {
    const hosts = opened.flat().filter((home) => home.block === block.block);
    return [
      {
        ...block,
        id: block.block,
        kind: 'block',
        label: block.block,
        address: null,
        claim: null,
        management: null,
        guess: null,
        within: within.get(block.block) ?? 0,
      },
      ...hosts.map(hostNode),
    ];
  });
  const left = [
    ...(known.blocks > known.items.length ? [`${known.blocks - known.items.length} subnets with fewer hosts`] : []),
    ...known.items
      .filter(({ block, hosts }) => hosts > MOST_HOSTS && open.includes(block))
      .map(({ block, hosts }) => `${hosts - MOST_HOSTS} hosts of ${block}`),
    ...(more > 0 ? [`${more} links with fewer pairs of hosts`] : []),
  ];
  const between = links.filter(({ from, to }) => from !== to);
  return { nodes, links: between, hosts: known.hosts, blocks: known.blocks, left };
}

function hostNode({ id, name, address, block, claim, management, guess }: Home): MapNode {
  const unknown = claim === 'unknown' ? 1 : 0;
  const managed = management === 'managed' ? 1 : 0;
  const what = { claim, management, guess, marks: null, within: 0 };
  return { id, kind: 'host', label: name, address, block, hosts: 1, unknown, managed, ...what };
}
