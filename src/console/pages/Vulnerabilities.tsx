import { Button, Checkbox, Group, Paper, SegmentedControl, Select, Text, TextInput } from '@mantine/core';
import type { Fix, Vulnerabilities } from '../../model/vulnerability.ts';
import { PAGE, useFixes, useVulnerabilities } from '../api/vulnerabilities.ts';
import { count } from '../components/count.ts';
import { type Column, DataTable } from '../components/DataTable.tsx';
import { Fold } from '../components/Fold.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { VulnerabilityTable } from '../components/VulnerabilityTable.tsx';
import { VULNERABILITY_SEVERITIES, type VulnerabilitiesSearch, useFilters } from '../search.ts';

/** What feeds say of the packages that hosts have, and what one would do about it. */
export function VulnerabilitiesPage() {
  const [{ view = 'advisories' }, filter] = useFilters<VulnerabilitiesSearch>();
  return (
    <Page
      title="Vulnerabilities"
      lead="What feeds say of the packages that hosts have. The priority is the product of the factors behind it."
    >
      <SegmentedControl
        aria-label="What to show"
        data={[
          { value: 'advisories', label: 'By advisory' },
          { value: 'fixes', label: 'What to do' },
        ]}
        value={view}
        onChange={(value) => filter({ view: value === 'fixes' ? 'fixes' : undefined })}
        style={{ alignSelf: 'flex-start' }}
      />
      <Paper withBorder p="md">
        {view === 'fixes' ? <Fixes /> : <Advisories />}
      </Paper>
    </Page>
  );
}

const FLAGS = [
  { name: 'exploited', label: 'Known to be exploited' },
  { name: 'fixable', label: 'With a fix' },
  { name: 'overdue', label: 'Overdue' },
  { name: 'accepted', label: 'Accepted' },
] as const;

function Advisories() {
  const [search, filter] = useFilters<VulnerabilitiesSearch>();
  const { severity, text = '', page = 0 } = search;
  const found = useVulnerabilities(search);
  const narrow = (change: VulnerabilitiesSearch, replace = false): void =>
    filter({ ...change, page: undefined }, replace);
  return (
    <>
      <Group mb="sm" align="flex-end">
        <TextInput
          label="Advisory or package"
          placeholder="CVE-… or openssl"
          value={text}
          onChange={({ currentTarget }) => narrow({ text: currentTarget.value.trim() || undefined }, true)}
          w={220}
        />
        <Select
          label="Severity"
          data={VULNERABILITY_SEVERITIES.map((value) => ({
            value,
            label: value === 'unknown' ? 'not assessed' : value,
          }))}
          value={severity ?? null}
          onChange={(value) => narrow({ severity: (value ?? undefined) as VulnerabilitiesSearch['severity'] })}
          placeholder="All"
          clearable
          w={160}
        />
        {FLAGS.map(({ name, label }) => (
          <Checkbox
            key={name}
            label={label}
            checked={search[name] ?? false}
            onChange={({ currentTarget }) => narrow({ [name]: currentTarget.checked || undefined })}
            mb={8}
          />
        ))}
      </Group>
      <Loaded query={found}>
        {(data) =>
          data.items.length === 0 ? (
            <>
              <Late feeds={data.late} />
              <Nothing informed={data.informed} isNarrowed={Object.keys(search).some((key) => key !== 'view')} />
            </>
          ) : (
            <>
              <Late feeds={data.late} />
              <VulnerabilityTable items={data.items} />
              <Pages of={data} page={page} go={(next) => filter({ page: next === 0 ? undefined : next })} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

function Late({ feeds }: { feeds: readonly string[] }) {
  if (feeds.length === 0) return null;
  return (
    <Text size="sm" c="orange" mb="sm">
      Not up to date: {feeds.join(', ')}. What is newer is not listed; <code>lastember feed list</code> tells why.
    </Text>
  );
}

function Nothing({ informed, isNarrowed }: { informed: boolean; isNarrowed: boolean }) {
  if (!informed)
    return (
      <Empty
        title="Nothing is known"
        hint={
          <>
            No feed that speaks of packages is in force. <code>lastember feed add debian --kind debian-tracker</code>{' '}
            adds one.
          </>
        }
      />
    );
  if (isNarrowed) return <Empty title="None is like that" hint="Fewer filters show more." />;
  return (
    <Empty
      title="No host is affected"
      hint="Nothing that feeds say concerns a package that any host has, as far as facts of hosts tell."
    />
  );
}

function Pages({ of: { items, total }, page, go }: { of: Vulnerabilities; page: number; go: (page: number) => void }) {
  const first = page * PAGE;
  return (
    <Group justify="space-between" mt="sm">
      <Text size="sm" c="dimmed">
        {first + 1} to {first + items.length} of {total}
      </Text>
      <Group gap="xs">
        <Button variant="default" size="xs" disabled={page === 0} onClick={() => go(page - 1)}>
          Previous
        </Button>
        <Button variant="default" size="xs" disabled={first + items.length >= total} onClick={() => go(page + 1)}>
          Next
        </Button>
      </Group>
    </Group>
  );
}

function Fixes() {
  const fixes = useFixes();
  return (
    <Loaded query={fixes}>
      {({ items, more }) =>
        items.length === 0 ? (
          <Empty title="Nothing to do" hint="No host has a package for which feeds know of a fix." />
        ) : (
          <>
            <DataTable items={items} columns={FIXES} keyOf={keyOf} minWidth={900} label="Fixes" />
            {more ? (
              <Text size="sm" c="dimmed" mt="sm">
                There are more, less urgent ones: <code>lastember fixes --limit 200</code>
              </Text>
            ) : null}
          </>
        )
      }
    </Loaded>
  );
}

const keyOf = ({ ecosystem, release, source, from }: Fix): string => [ecosystem, release, source, from].join(' ');

const FIXES: Column<Fix>[] = [
  { title: 'Priority', cell: ({ priority }) => priority, width: 90 },
  { title: 'Package', cell: ({ source, ecosystem, release }) => `${source}, ${ecosystem} ${release ?? ''}`, min: 160 },
  { title: 'From', cell: ({ from }) => from, mono: true, min: 120 },
  { title: 'To', cell: ({ to }) => to, mono: true, min: 120 },
  { title: 'On', cell: ({ hosts }) => count(hosts, 'host'), width: 100 },
  {
    title: 'Fixes',
    cell: ({ advisories }) => (
      <Fold title={advisories.length === 1 ? '1 advisory' : `${advisories.length} advisories`}>
        <Text size="sm">{advisories.join(', ')}</Text>
      </Fold>
    ),
    min: 130,
  },
  {
    title: 'Restarts',
    cell: ({ restarts }) =>
      restarts.length === 0
        ? 'nothing seen running'
        : restarts.map(({ unit, hosts }) => <div key={unit}>{`${unit} on ${hosts}`}</div>),
    min: 160,
  },
];
