import { Button, Checkbox, Group, Paper, SegmentedControl, Skeleton, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import type { Host, HostCounts } from '../../model/estate.ts';
import { useBurningOn } from '../api/findings.ts';
import { useHostCounts, useHostPages } from '../api/hosts.ts';
import { useLastSeen } from '../api/use-last-seen.ts';
import { ClaimBadge, ManagementBadge } from '../components/Badges.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { DeployHosts, useMayDeploy } from '../components/DeployHosts.tsx';
import { HostLink } from '../components/HostLink.tsx';
import { More } from '../components/More.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { LastSeen } from '../components/Time.tsx';
import { useFilters, type HostFilter, type HostsSearch } from '../search.ts';

export function Hosts() {
  const may = useMayDeploy();
  // Kept whole: what is picked stays picked while something else is searched for.
  const [picked, pick] = useState<Picked>(new Map());
  const [{ show = 'all', q = '' }, filter] = useFilters<HostsSearch>();
  const hosts = useHostPages(show, q.trim());
  const all = useHostCounts();
  return (
    <Page
      title="Hosts"
      lead="Every machine that any source saw. Unknown means nobody claimed it."
      actions={may ? <DeployHosts hosts={[...picked.values()]} done={() => pick(new Map())} /> : null}
    >
      <Paper withBorder p="md">
        <Group mb="sm">
          <Search value={q} onChange={(value) => filter({ q: value || undefined }, true)} />
          <SegmentedControl
            aria-label="Which hosts"
            value={show}
            onChange={(value) => filter({ show: value === 'all' ? undefined : (value as HostFilter) })}
            data={[
              { value: 'all', label: 'All' },
              { value: 'unknown', label: 'Unknown' },
              { value: 'unmanaged', label: 'Not managed' },
            ]}
          />
        </Group>
        <Loaded query={hosts}>
          {(items) => (
            <>
              <HostTable
                hosts={items}
                narrowed={show !== 'all' || q.trim() !== ''}
                reset={() => filter({ show: undefined, q: undefined })}
                picking={may ? { picked, pick } : null}
              />
              <More shown={items.length} total={q.trim() === '' ? totalOf(show, all.data) : undefined} of={hosts} />
            </>
          )}
        </Loaded>
      </Paper>
    </Page>
  );
}

const totalOf = (show: HostFilter, counts: HostCounts | undefined): number | undefined =>
  counts && { all: counts.total, unknown: counts.unknown, unmanaged: counts.total - counts.managed }[show];

/** Letters show at once; the address follows, and leads only while nobody types. */
function Search({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  useEffect(() => {
    if (document.activeElement !== input.current) setText(value);
  }, [value]);
  return (
    <TextInput
      ref={input}
      aria-label="Search hosts"
      placeholder="Name or address"
      leftSection={<IconSearch size={16} aria-hidden />}
      value={text}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value);
        onChange(currentTarget.value);
      }}
      w={300}
      maw="100%"
    />
  );
}

type Picked = ReadonlyMap<string, Host>;
interface Picking {
  picked: Picked;
  pick(picked: Picked): void;
}

function HostTable({
  hosts,
  narrowed,
  reset,
  picking,
}: {
  hosts: Host[];
  /** not all of them are asked for */
  narrowed: boolean;
  reset: () => void;
  /** null: whoever looks may not deploy */
  picking: Picking | null;
}) {
  const burning = useBurning(hosts);
  const lastSeen = useLastSeen();
  if (hosts.length === 0 && !narrowed)
    return (
      <Empty
        title="No hosts yet"
        hint={
          <>
            Tell Lastember where to look: <code>lastember scope add office 192.0.2.0/24</code>, then{' '}
            <code>lastember scan office</code>.
          </>
        }
      />
    );
  if (hosts.length === 0)
    return (
      <Empty
        title="No host matches"
        hint={
          <Button variant="light" size="xs" onClick={reset}>
            Show all
          </Button>
        }
      />
    );
  const columns: Column<Host>[] = [
    ...(picking ? [pickColumn(hosts, picking)] : []),
    { title: 'Host', min: 180, cell: (host) => <Name host={host} /> },
    { title: 'Addresses', mono: true, cell: (host) => <Addresses of={host.addresses} /> },
    { title: 'Claim', cell: (host) => <ClaimBadge host={host} /> },
    { title: 'Management', cell: (host) => <ManagementBadge host={host} /> },
    { title: 'Seen by', cell: (host) => host.sources.join(', ') },
    { title: burning.title, end: true, cell: (host) => burning.of(host) },
    { title: 'Last seen', cell: (host) => <LastSeen at={lastSeen(host)} /> },
  ];
  return <DataTable items={hosts} columns={columns} keyOf={(host) => host.id} minWidth={900} />;
}

/** Hosts that could get an agent, all of those shown at once or one by one. */
function pickColumn(hosts: readonly Host[], { picked, pick }: Picking): Column<Host> {
  const can = hosts.filter(canDeploy);
  const all = can.length > 0 && can.every(({ id }) => picked.has(id));
  const set = (some: readonly Host[], on: boolean): void => {
    const next = new Map(picked);
    for (const host of some)
      if (on) next.set(host.id, host);
      else next.delete(host.id);
    pick(next);
  };
  return {
    title: 'Deploy',
    head: (
      <Checkbox
        aria-label="Pick all shown that have no agent"
        checked={all}
        indeterminate={!all && can.some(({ id }) => picked.has(id))}
        disabled={can.length === 0}
        onChange={() => set(can, !all)}
      />
    ),
    width: 44,
    cell: (host) =>
      canDeploy(host) ? (
        <Checkbox
          aria-label={`Pick ${host.name}`}
          checked={picked.has(host.id)}
          onChange={({ currentTarget }) => set([host], currentTarget.checked)}
        />
      ) : null,
  };
}

const canDeploy = (host: Host): boolean => host.agentId === null || host.management !== 'managed';

/** What could not be read is no zero. */
function useBurning(hosts: readonly Host[]) {
  const findings = useBurningOn(hosts.map(({ id }) => id));
  const missing = findings.isError ? '–' : <Skeleton h={12} w={24} ml="auto" role="status" aria-label="Loading" />;
  return {
    title: findings.data === undefined && findings.isError ? 'Open findings: could not be read' : 'Open findings',
    of: (host: Host) => (findings.data === undefined ? missing : (findings.data.get(host.id) ?? 0)),
  };
}

function Addresses({ of }: { of: readonly string[] }) {
  return of.map((address, index) => (
    <span key={address}>
      {index > 0 ? ', ' : ''}
      <span className="address">{address}</span>
    </span>
  ));
}

function Name({ host }: { host: Host }) {
  return (
    <>
      <HostLink id={host.id} name={host.name} alone />
      {host.guess ? (
        <Text size="xs" c="dimmed">
          {host.guess}
        </Text>
      ) : null}
    </>
  );
}
