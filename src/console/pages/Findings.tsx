import { Button, Checkbox, Group, Paper, Select } from '@mantine/core';
import { BURNING, type FindingCounts, type FindingState } from '../../model/finding.ts';
import { type AskedFindings, kitsIn, sumOf, useFinding, useFindingCounts, useFindingPages } from '../api/findings.ts';
import { Severity } from '../../model/kit.ts';
import { FindingDrawer } from '../components/FindingDrawer.tsx';
import { FindingTable } from '../components/FindingTable.tsx';
import { NothingFound } from '../components/Looked.tsx';
import { More } from '../components/More.tsx';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { PlanChange } from '../components/PlanChange.tsx';
import { STATES, useFilters, useOpenFinding, type FindingsSearch, type StateFilter } from '../search.ts';

const LABEL: Record<StateFilter, string> = {
  burning: 'Burning: open, rekindled, planned',
  open: 'Open: nothing is planned yet',
  rekindled: 'Rekindled: was fixed, came back',
  planned: 'Planned: part of a change',
  excepted: 'Excepted: accepted for a time',
  fixed: 'Fixed: proven',
  'not-applicable': 'Not applicable: policy or settings',
  all: 'All',
};
const NONE: Record<StateFilter, string> = {
  burning: 'Nothing burns',
  open: 'Nothing is open',
  rekindled: 'Nothing came back',
  planned: 'Nothing is planned',
  excepted: 'Nothing is excepted',
  fixed: 'Nothing is fixed yet',
  'not-applicable': 'Nothing is set aside by policy or configuration',
  all: 'No findings',
};

/** What a finding may be as of now, each a filter of its own. */
const NOW = [
  { name: 'overdue', label: 'Overdue' },
  { name: 'stale', label: 'Stale' },
  { name: 'drifted', label: 'Drifted' },
] as const;
const NOT_NARROWED = { overdue: undefined, stale: undefined, drifted: undefined };

const statesOf = (state: StateFilter): readonly FindingState[] | undefined =>
  state === 'all' ? undefined : state === 'burning' ? BURNING : [state];

export function Findings() {
  const [search] = useFilters<FindingsSearch>();
  const { state = 'burning', kit, severity, overdue, stale, drifted: drift } = search;
  const asked = { kit, severity, states: statesOf(state), overdue, stale, drift };
  const found = useFindingPages(asked);
  const all = useFindingCounts();
  const total = useTotal(asked, all.data);
  const shown = useOpenFinding();
  const listed = found.data?.find(({ id }) => id === shown.id);
  const other = useFinding(listed ? undefined : shown.id);
  const kits = all.data ? kitsIn(all.data) : [];
  return (
    <Page
      title="Findings"
      lead="Closed means proven: fresh facts from inside and, for a listener, a negative probe from outside."
      actions={<PlanChange kits={kits} />}
    >
      {other.isError ? <Problem error={other.error} /> : null}
      <Paper withBorder p="md">
        <Filters kits={kits} />
        <Loaded query={found}>
          {(items) => (
            <>
              <FindingTable
                findings={items}
                onShow={shown.open}
                empty={
                  <Loaded query={all}>{(counts) => <Nothing state={state} kit={kit} all={counts.total} />}</Loaded>
                }
              />
              <More shown={items.length} total={total} of={found} />
            </>
          )}
        </Loaded>
      </Paper>
      <FindingDrawer finding={shown.id === undefined ? undefined : (listed ?? other.data)} onClose={shown.close} />
    </Page>
  );
}

/** How many fit: of what depends on the time only the server knows. */
function useTotal(asked: AskedFindings, all: FindingCounts | undefined): number | undefined {
  const { kit, severity, states, overdue, stale, drift } = asked;
  const narrowed = overdue === true || stale === true || drift === true;
  const fitting = useFindingCounts(asked, narrowed).data;
  if (narrowed) return fitting?.total;
  const fits = (kind: FindingCounts['items'][number]): boolean =>
    (kit === undefined || kind.kit === kit) &&
    (severity === undefined || kind.severity === severity) &&
    (states === undefined || states.includes(kind.state));
  return all && sumOf(all, fits);
}

function Filters({ kits }: { kits: string[] }) {
  const [search, filter] = useFilters<FindingsSearch>();
  const { state = 'burning', kit, severity } = search;
  return (
    <Group mb="sm" align="flex-end">
      <Select
        label="State"
        data={STATES.map((value) => ({ value, label: LABEL[value] }))}
        value={state}
        onChange={(value) => filter({ state: orDefault(value) })}
        allowDeselect={false}
        w={330}
        maw="100%"
      />
      <Select
        label="Kit"
        // One that an address names is shown as well, whether or not anything was found by it.
        data={[...new Set([...kits, ...(kit === undefined ? [] : [kit])])]}
        value={kit ?? null}
        onChange={(value) => filter({ kit: value ?? undefined })}
        clearable
        placeholder="All"
        w={190}
      />
      <Select
        label="Severity"
        data={Severity.options.map((value) => ({ value, label: inWords(value) }))}
        value={severity ?? null}
        onChange={(value) => filter({ severity: (value as Severity | null) ?? undefined })}
        clearable
        placeholder="All"
        w={130}
      />
      {NOW.map(({ name, label }) => (
        <Checkbox
          key={name}
          label={label}
          checked={search[name] ?? false}
          onChange={({ currentTarget }) => filter({ [name]: currentTarget.checked || undefined })}
          mb={8}
        />
      ))}
    </Group>
  );
}

const inWords = (severity: Severity): string => severity[0]!.toUpperCase() + severity.slice(1);

const orDefault = (value: string | null): StateFilter | undefined =>
  value === 'burning' || value === null ? undefined : (value as StateFilter);

function Nothing({ state, kit, all }: { state: StateFilter; kit: string | undefined; all: number }) {
  const [search, filter] = useFilters<FindingsSearch>();
  const narrowed = [
    ...(search.severity ? [`of severity ${search.severity}`] : []),
    ...NOW.filter(({ name }) => search[name]).map(({ label }) => label.toLowerCase()),
  ];
  if (all === 0) {
    return (
      <NothingFound
        title="No findings yet"
        hint={
          <>
            No check has failed so far. <code>lastember audit</code> looks again.
          </>
        }
      />
    );
  }
  return (
    <Empty
      title={[
        NONE[state],
        kit ? ` in ${kit}` : '',
        narrowed.length > 0 ? ` that is ${narrowed.join(' and ')}` : '',
      ].join('')}
      hint={
        <Button
          variant="light"
          size="xs"
          onClick={() => filter({ state: 'all', kit: undefined, severity: undefined, ...NOT_NARROWED })}
        >
          Show all {all}
        </Button>
      }
    />
  );
}
