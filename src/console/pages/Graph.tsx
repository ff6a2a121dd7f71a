import { Group, Paper, Text, Title } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { Dependency } from '../../model/impact.ts';
import { useDependencies, useHosts } from '../api/hooks.ts';
import { count, plural } from '../components/count.ts';
import { blastRadius, layoutGraph } from '../components/graph-layout.ts';
import { GraphView } from '../components/GraphView.tsx';
import { HostLink } from '../components/HostLink.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';

export function GraphPage() {
  const dependencies = useDependencies();
  return (
    <Page title="Dependencies" lead="Built from connections that agents saw. Pick a host to see who feels its restart.">
      <Loaded query={dependencies}>
        {(items) =>
          items.length === 0 ? (
            <Paper withBorder p="md">
              <Empty title="No connections seen yet" hint="Deploy agents; they report who talks to whom." />
            </Paper>
          ) : (
            <Blast dependencies={items} />
          )
        }
      </Loaded>
    </Page>
  );
}

function Blast({ dependencies }: { dependencies: Dependency[] }) {
  const hosts = useHosts().data ?? [];
  const [picked, setPicked] = useState<string | null>(null);
  const graph = useMemo(() => layoutGraph(dependencies), [dependencies]);
  const hit = picked ? blastRadius(picked, graph.edges) : null;
  const nameOf = (id: string): string => graph.nodes.find((node) => node.id === id)?.name ?? id;
  return (
    <>
      <Paper withBorder p="md">
        <GraphView
          graph={graph}
          picked={picked}
          onPick={setPicked}
          sub={(id) => hosts.find((host) => host.id === id)?.addresses[0] ?? ''}
        />
      </Paper>
      <div aria-live="polite">
        {picked && hit ? (
          <Paper withBorder p="lg">
            <Group justify="space-between" align="baseline" gap="sm" mb="xs">
              <Title order={2} size="h4">
                If {nameOf(picked)} restarts
              </Title>
              <Text size="sm">
                Host page of <HostLink id={picked} name={nameOf(picked)} />
              </Text>
            </Group>
            <Felt hosts={[...hit].map((id) => ({ id, name: nameOf(id) }))} />
          </Paper>
        ) : null}
      </div>
    </>
  );
}

/** Names to read and to follow, also where the drawing is too small to. */
function Felt({ hosts }: { hosts: { id: string; name: string }[] }) {
  if (hosts.length === 0) return <Text size="sm">Nobody that we know of depends on it.</Text>;
  return (
    <>
      <Text size="sm">
        {count(hosts.length, 'host')} {plural(hosts.length, 'feels', 'feel')} it:
      </Text>
      <ul className="blast-hosts">
        {hosts
          .toSorted((a, b) => a.name.localeCompare(b.name))
          .map(({ id, name }) => (
            <li key={id}>
              <HostLink id={id} name={name} alone />
            </li>
          ))}
      </ul>
    </>
  );
}
