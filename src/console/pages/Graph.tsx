import { Alert, Paper, Text } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { Dependency } from '../../model/impact.ts';
import { useDependencies, useHosts } from '../api/hooks.ts';
import { blastRadius, layoutGraph } from '../components/graph-layout.ts';
import { GraphView } from '../components/GraphView.tsx';
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
          <Alert color={hit.size ? 'orange' : 'gray'} title={`If ${nameOf(picked)} restarts`}>
            <Text size="sm">
              {hit.size === 0
                ? 'nobody that we know of depends on it.'
                : `${hit.size} host${hit.size === 1 ? '' : 's'} feel it: ${[...hit].map(nameOf).sort().join(', ')}.`}
            </Text>
          </Alert>
        ) : null}
      </div>
    </>
  );
}
