import { Button, Checkbox, Group, Paper, Select } from '@mantine/core';
import { BURNING, type Finding, type FindingNow } from '../../model/finding.ts';
import { useFindings } from '../api/hooks.ts';
import { FindingDrawer } from '../components/FindingDrawer.tsx';
import { FindingTable } from '../components/FindingTable.tsx';
import { NothingFound } from '../components/Looked.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
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
  { name: 'overdue', label: 'Overdue', holds: ({ overdue }: FindingNow) => overdue },
  { name: 'stale', label: 'Stale', holds: ({ stale }: FindingNow) => stale },
  { name: 'drifted', label: 'Drifted', holds: ({ drift }: FindingNow) => drift !== null },
] as const;
const NOT_NARROWED = { overdue: undefined, stale: undefined, drifted: undefined };

export function Findings() {
  const findings = useFindings();
  const [search, filter] = useFilters<FindingsSearch>();
  const { state = 'burning', kit } = search;
  const shown = useOpenFinding();
  const kits = [...new Set((findings.data ?? []).map((finding) => finding.kit))].sort();
  const keep = (finding: FindingNow): boolean =>
    isIn(finding, state) &&
    (kit === undefined || finding.kit === kit) &&
    NOW.every(({ name, holds }) => !search[name] || holds(finding));
  return (
    <Page
      title="Findings"
      lead="Closed means proven: fresh facts from inside and, for a listener, a negative probe from outside."
      actions={<PlanChange kits={kits} />}
    >
      <Paper withBorder p="md">
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
            data={kits}
            value={kit ?? null}
            onChange={(value) => filter({ kit: value ?? undefined })}
            clearable
            placeholder="All"
            w={190}
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
        <Loaded query={findings}>
          {(items) => (
            <FindingTable
              findings={items.filter(keep)}
              onShow={shown.open}
              empty={
                <Nothing
                  state={state}
                  kit={kit}
                  narrowed={NOW.filter(({ name }) => search[name]).map(({ label }) => label.toLowerCase())}
                  all={items.length}
                  showAll={() => filter({ state: 'all', kit: undefined, ...NOT_NARROWED })}
                />
              }
            />
          )}
        </Loaded>
      </Paper>
      <FindingDrawer finding={findings.data?.find(({ id }) => id === shown.id)} onClose={shown.close} />
    </Page>
  );
}

function isIn(finding: Finding, state: StateFilter): boolean {
  if (state === 'all') return true;
  return state === 'burning' ? BURNING.includes(finding.state) : finding.state === state;
}

const orDefault = (value: string | null): StateFilter | undefined =>
  value === 'burning' || value === null ? undefined : (value as StateFilter);

interface NothingProps {
  state: StateFilter;
  kit: string | undefined;
  /** by what it is to be now */
  narrowed: readonly string[];
  all: number;
  showAll: () => void;
}

function Nothing({ state, kit, narrowed, all, showAll }: NothingProps) {
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
        <Button variant="light" size="xs" onClick={showAll}>
          Show all {all}
        </Button>
      }
    />
  );
}
