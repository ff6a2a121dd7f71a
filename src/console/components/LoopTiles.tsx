import { Card, Group, SimpleGrid, Skeleton, Text, ThemeIcon } from '@mantine/core';
import {
  IconAffiliate,
  IconChecklist,
  IconPlugConnected,
  IconRadar2,
  IconRoute,
  IconTimeline,
} from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ComponentType } from 'react';
import type { Change } from '../../model/change.ts';
import type { HostCounts } from '../../model/estate.ts';
import { BURNING, type FindingCounts } from '../../model/finding.ts';
import { sumOf, useFindingCounts } from '../api/findings.ts';
import { useChanges, useDependencies, useTrail } from '../api/hooks.ts';
import { useHostCounts } from '../api/hosts.ts';
import { paths } from '../paths.ts';

/** The steps of the loop, each with its number and what the number hides. */
export function LoopTiles() {
  const hosts = useHostCounts();
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm">
      <Tile step="Discovery" icon={IconRadar2} query={hosts} says={discovery} />
      <Tile step="Enrollment" icon={IconPlugConnected} query={hosts} says={enrollment} />
      <Tile step="Audit" icon={IconChecklist} query={useFindingCounts({ states: BURNING })} says={audit} />
      <Tile
        step="Impact"
        icon={IconAffiliate}
        query={useDependencies()}
        says={(all) => ({ value: String(all.length), detail: 'dependencies observed', to: paths.graph() })}
      />
      <Tile step="Change" icon={IconRoute} query={useChanges()} says={change} />
      <Tile
        step="Trail"
        icon={IconTimeline}
        query={useTrail({ limit: 1 })}
        says={({ total }) => ({ value: String(total), detail: 'entries, tamper-evident', to: paths.trail() })}
      />
    </SimpleGrid>
  );
}

interface Said {
  value: string;
  detail: string;
  to: string;
  search?: object;
}

function discovery({ total, unknown }: HostCounts): Said {
  const claimed = total === 0 ? 'none seen yet' : 'all of them claimed';
  return {
    value: String(total),
    detail: unknown > 0 ? `${unknown} nobody listed` : claimed,
    to: paths.hosts(),
    ...(unknown > 0 ? { search: { show: 'unknown' } } : {}),
  };
}

function enrollment({ total, managed }: HostCounts): Said {
  return {
    value: `${managed} of ${total}`,
    detail: 'managed by an agent',
    to: paths.hosts(),
    ...(managed < total ? { search: { show: 'unmanaged' } } : {}),
  };
}

function audit(burning: FindingCounts): Said {
  const critical = sumOf(burning, ({ severity }) => severity === 'critical');
  return { value: String(burning.total), detail: `open; ${critical} critical`, to: paths.findings() };
}

function change(changes: Change[]): Said {
  const waiting = changes.filter(({ state }) => state === 'awaiting-approval').length;
  const running = changes.filter(({ state }) => ['running', 'verifying', 'paused'].includes(state)).length;
  return {
    value: String(changes.length),
    detail: waiting > 0 ? `${waiting} waiting for approval` : `${running} running`,
    to: paths.changes(),
  };
}

interface TileProps<T> {
  step: string;
  icon: ComponentType<{ size: number }>;
  query: UseQueryResult<T>;
  says: (data: T) => Said;
}

/** What could not be read is no zero: it says so, and leads nowhere that would say the same. */
function Tile<T>({ step, icon: Icon, query, says }: TileProps<T>) {
  const said = query.data === undefined ? null : says(query.data);
  const head = (
    <Group gap={8} mb={6} wrap="nowrap">
      <ThemeIcon variant="light" size="md" aria-hidden>
        <Icon size={16} />
      </ThemeIcon>
      <Text size="sm" fw={600}>
        {step}
      </Text>
    </Group>
  );
  if (!said) {
    return (
      <Card withBorder className="tile" padding="md">
        {head}
        {query.isError ? <Words value="–" detail="could not be read" /> : <Waiting />}
      </Card>
    );
  }
  const { to, search, value, detail } = said;
  return (
    <Card component={Link} to={to} search={(search ?? {}) as never} withBorder className="tile" padding="md">
      {head}
      <Words value={value} detail={detail} />
    </Card>
  );
}

function Words({ value, detail }: { value: string; detail: string }) {
  return (
    <>
      <Text fz={24} fw={700} lh={1.15}>
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {detail}
      </Text>
    </>
  );
}

function Waiting() {
  return (
    <div role="status" aria-label="Loading">
      <Skeleton h={24} w="50%" mb={6} />
      <Skeleton h={12} w="80%" />
    </div>
  );
}
