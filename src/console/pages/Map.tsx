import { Anchor, Group, Paper, Switch, Text, TextInput } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { MapLink, MapNode, NetworkMap } from '../../model/map.ts';
import { useMap } from '../api/map.ts';
import { count, plural } from '../components/count.ts';
import { arcsOf, rowMiddles } from '../components/map-arcs.ts';
import { MapRow } from '../components/MapRow.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { TextButton } from '../components/TextButton.tsx';
import { paths } from '../paths.ts';
import { MOST_OPEN, type MapSearch, useFilters } from '../search.ts';
import './map.css';

/** Subnets, what is in them and who talks to whom: a list that one can read, with arcs beside it. */
export function MapPage() {
  const [{ open = '' }] = useFilters<MapSearch>();
  const query = useMap(open === '' ? [] : open.split(','));
  return (
    <Page
      title="Network map"
      lead="Subnets in the order of their addresses, and the connections that agents saw between them. Open one to see its hosts."
    >
      <Loaded query={query}>
        {(map) =>
          map.nodes.length === 0 ? (
            <Paper withBorder p="md">
              <Empty
                title="No hosts yet"
                hint={
                  <>
                    Look for some: <code>lastember scan 192.0.2.0/24</code>
                  </>
                }
              />
            </Paper>
          ) : (
            <Drawn map={map} />
          )
        }
      </Loaded>
    </Page>
  );
}

function Drawn({ map }: { map: NetworkMap }) {
  const [{ open = '' }, set] = useFilters<MapSearch>();
  const [picked, setPicked] = useState<string | null>(null);
  const [onlyUnknown, setOnlyUnknown] = useState(false);
  const [sought, setSought] = useState('');
  const opened = open === '' ? [] : open.split(',');
  const toggle = (block: string): void => {
    const next = opened.includes(block) ? opened.filter((one) => one !== block) : [...opened, block].slice(-MOST_OPEN);
    set({ open: next.length > 0 ? next.join(',') : undefined }, true);
  };
  const nodes = useMemo(
    () => map.nodes.filter((node) => (!onlyUnknown || node.unknown > 0) && matches(node, sought, map.nodes)),
    [map, onlyUnknown, sought],
  );
  return (
    <>
      <Group justify="space-between" gap="sm">
        <Text size="sm">
          {count(map.hosts, 'host')} in {count(map.blocks, 'subnet')}
          {map.left.length > 0 ? `; not shown: ${map.left.join(', ')}` : ''}
        </Text>
        <Group gap="md">
          <Switch
            label="Only with unknown hosts"
            checked={onlyUnknown}
            onChange={(event) => setOnlyUnknown(event.currentTarget.checked)}
          />
          <TextInput
            aria-label="Find a subnet or a host that is shown"
            placeholder="Find"
            value={sought}
            onChange={(event) => setSought(event.currentTarget.value)}
          />
        </Group>
      </Group>
      <Legend />
      <Paper withBorder className="map">
        <Rows nodes={nodes} picked={picked} opened={opened} onPick={setPicked} onToggle={toggle} />
        <Arcs nodes={nodes} links={map.links} picked={picked} />
      </Paper>
      {nodes.length === 0 ? <Empty title="Nothing fits" hint="Take back a filter to see more." /> : null}
      <div aria-live="polite" className="map-panel">
        {picked ? <Talk map={map} id={picked} onPick={setPicked} /> : null}
      </div>
    </>
  );
}

/** A block is kept while one of its hosts fits, so that these do not hang in the air. */
function matches(node: MapNode, sought: string, all: readonly MapNode[]): boolean {
  const fits = ({ label, address, guess }: MapNode): boolean =>
    [label, address ?? '', guess ?? ''].some((text) => text.toLowerCase().includes(sought.trim().toLowerCase()));
  if (sought.trim() === '' || fits(node)) return true;
  return node.kind === 'block' && all.some((one) => one.kind === 'host' && one.block === node.block && fits(one));
}

function Legend() {
  return (
    <Group gap="md" className="map-legend">
      <span data-is="managed">with an agent</span>
      <span data-is="known">known</span>
      <span data-is="unknown">unknown</span>
      <span data-is="asks">talks to</span>
      <span data-is="answers">is used by</span>
    </Group>
  );
}

interface RowsProps {
  nodes: readonly MapNode[];
  picked: string | null;
  opened: readonly string[];
  onPick: (id: string | null) => void;
  onToggle: (block: string) => void;
}

function Rows({ nodes, picked, opened, onPick, onToggle }: RowsProps) {
  return (
    <ul className="map-rows" aria-label="Subnets and hosts">
      {nodes.map((node) => (
        <MapRow
          key={node.id}
          node={node}
          isPicked={node.id === picked}
          isOpen={opened.includes(node.id)}
          onPick={() => onPick(node.id === picked ? null : node.id)}
          onToggle={() => onToggle(node.id)}
        />
      ))}
    </ul>
  );
}

function Arcs({
  nodes,
  links,
  picked,
}: {
  nodes: readonly MapNode[];
  links: readonly MapLink[];
  picked: string | null;
}) {
  const { ref, width } = useElementSize<HTMLDivElement>();
  const { middles, height } = useMemo(() => rowMiddles(nodes.map(({ kind }) => kind)), [nodes]);
  const arcs = useMemo(
    () =>
      arcsOf(
        nodes.map(({ id }) => id),
        middles,
        links,
        Math.max(40, width - 12),
      ),
    [nodes, middles, links, width],
  );
  const chosen = membersOf(nodes, picked);
  const stateOf = ({ from, to }: MapLink): string => {
    if (!picked) return 'idle';
    if (chosen.has(from)) return 'asks';
    return chosen.has(to) ? 'answers' : 'calm';
  };
  // Those of who is picked last, so that they lie on top. What they say stands in words below the map.
  const sorted = arcs.toSorted((a, b) => Number(stateOf(a.link) !== 'calm') - Number(stateOf(b.link) !== 'calm'));
  return (
    <div ref={ref} className="map-arcs" aria-hidden>
      <svg width={width} height={height}>
        {sorted.map(({ link, path, width: thick, to }) => (
          <g key={`${link.from} ${link.to}`} data-state={stateOf(link)}>
            <path d={path} strokeWidth={thick} />
            <path className="tip" d={`M1,${middles[to]! + 4} l7,-3.5 v7 z`} />
          </g>
        ))}
      </svg>
    </div>
  );
}

/** Who is picked; with a subnet, its hosts that are shown: their arcs are its own. */
function membersOf(nodes: readonly MapNode[], picked: string | null): ReadonlySet<string> {
  if (picked === null) return new Set();
  return new Set([
    picked,
    ...nodes.flatMap(({ id, kind, block }) => (kind === 'host' && block === picked ? [id] : [])),
  ]);
}

/** What the arcs say, in words. */
function Talk({ map, id, onPick }: { map: NetworkMap; id: string; onPick: (id: string) => void }) {
  const node = map.nodes.find((one) => one.id === id);
  if (!node) return null;
  const chosen = membersOf(map.nodes, id);
  const asks = map.links.filter(({ from, to }) => chosen.has(from) && !chosen.has(to));
  const answers = map.links.filter(({ from, to }) => chosen.has(to) && !chosen.has(from));
  const nameOf = (other: string): string => map.nodes.find((one) => one.id === other)?.label ?? other;
  const list = (title: string, links: readonly MapLink[], end: 'from' | 'to') =>
    links.length === 0 ? null : (
      <>
        <Text size="sm" fw={600} mt="xs">
          {title}
        </Text>
        <ul className="map-talk">
          {links.map((link) => (
            <li key={`${link.from} ${link.to}`}>
              <TextButton onClick={() => onPick(link[end])}>{nameOf(link[end])}</TextButton> on{' '}
              {plural(link.ports.length, 'port', 'ports')} {link.ports.join(', ')}
              {link.pairs > 1 ? `, ${link.pairs} pairs of hosts` : ''}
            </li>
          ))}
        </ul>
      </>
    );
  return (
    <Paper withBorder p="md" shadow="md">
      <Group justify="space-between" gap="sm">
        <Text fw={600}>{node.label}</Text>
        {node.kind === 'host' ? (
          <Anchor component={Link} to={paths.host(node.id)} size="sm">
            Host page
          </Anchor>
        ) : null}
      </Group>
      {list('Talks to', asks, 'to')}
      {list('Is used by', answers, 'from')}
      {asks.length + answers.length === 0 ? (
        <Text size="sm">No agent has seen it talk to another {node.kind === 'host' ? 'host' : 'subnet'}.</Text>
      ) : null}
      {node.within > 0 ? (
        <Text size="sm" mt="xs">
          {count(node.within, 'pair')} of its own hosts {plural(node.within, 'talks', 'talk')} to each other.
        </Text>
      ) : null}
    </Paper>
  );
}
