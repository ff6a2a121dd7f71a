import { Group, Paper, SegmentedControl, SimpleGrid, Text, Title } from '@mantine/core';
import { type Compliance as Found, DIMENSIONS, type Dimension, type ScoreRow } from '../../model/compliance.ts';
import { useCompliance, useComplianceDays } from '../api/compliance.ts';
import { count } from '../components/count.ts';
import { HostLink } from '../components/HostLink.tsx';
import { NothingFound } from '../components/Looked.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { percent, ScoreTable } from '../components/ScoreTable.tsx';
import { Terms } from '../components/Terms.tsx';
import { type ComplianceSearch, useFilters } from '../search.ts';

const LABEL: Record<Dimension, string> = {
  kit: 'Kit',
  host: 'Host',
  owner: 'Owner',
  control: 'Control',
  check: 'Check',
};

/** How much of what applies passes, what it is made of, and how it went. */
export function Compliance() {
  const [{ by = 'kit' }, filter] = useFilters<ComplianceSearch>();
  const found = useCompliance(by);
  return (
    <Page
      title="Compliance"
      lead="Of all that applies, what passes. What is not known, and what hosts said that report no longer, does not count as passed."
    >
      <Loaded query={found}>{(data) => <Estate found={data} />}</Loaded>
      <Paper withBorder p="md">
        <SegmentedControl
          aria-label="One row for each"
          data={DIMENSIONS.map((value) => ({ value, label: LABEL[value] }))}
          value={by}
          onChange={(value) => filter({ by: value === 'kit' ? undefined : (value as Dimension) })}
          mb="sm"
        />
        <Loaded query={found}>{(data) => <Rows found={data} />}</Loaded>
      </Paper>
      <Days />
    </Page>
  );
}

function Estate({ found: { estate, unjudged, staleAfterHours } }: { found: Found }) {
  const { tally, score, scoreWithExceptions } = estate;
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
      <Paper withBorder p="lg">
        <Group align="baseline" gap="xs">
          <Text fz={40} fw={700} lh={1}>
            {percent(score)}
          </Text>
          <Text c="dimmed" size="sm">
            {score === scoreWithExceptions ? '' : `${percent(scoreWithExceptions)} with what is accepted; `}
            {count(tally.hosts, 'host')} judged{unjudged > 0 ? `, ${unjudged} not yet` : ''}
          </Text>
        </Group>
      </Paper>
      <Paper withBorder p="lg">
        <Terms
          items={[
            ['Fail', `${tally.fail}; ${tally.drifted} of what fails passed before`],
            ['Unknown', `${tally.unknown}: nobody could look`],
            ['Stale', `${tally.stale}: their hosts have not reported for ${staleAfterHours} hours`],
            ['Excepted', String(tally.excepted)],
          ]}
        />
      </Paper>
    </SimpleGrid>
  );
}

function Rows({ found: { items, by, more } }: { found: Found }) {
  if (items.length === 0)
    return by === 'control' ? (
      <Empty title="No controls" hint="No check of a kit names the controls that it covers." />
    ) : (
      <NothingFound title="Nothing was judged yet" hint="Hosts are judged once somebody has looked at them." />
    );
  return (
    <>
      <ScoreTable
        items={items}
        title={LABEL[by]}
        name={(row) => <Name row={row} by={by} />}
        keyOf={({ id }) => id}
        label="Scores"
      />
      {more > 0 ? (
        <Text size="sm" c="dimmed" mt="sm">
          And {more} more, with better scores.
        </Text>
      ) : null}
    </>
  );
}

function Name({ row, by }: { row: ScoreRow; by: Dimension }) {
  if (by === 'host') return <HostLink id={row.id} name={row.name} alone />;
  return <span className={by === 'owner' ? undefined : 'mono'}>{row.name}</span>;
}

function Days() {
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        Over time
      </Title>
      <Loaded query={useComplianceDays()}>
        {(items) =>
          items.length === 0 ? (
            <Empty title="No day yet" hint="The score is noted once an hour; each day keeps its last." />
          ) : (
            <ScoreTable
              items={items.toReversed()}
              title="Day"
              name={({ day }) => day}
              keyOf={({ day }) => day}
              label="Days"
            />
          )
        }
      </Loaded>
    </Paper>
  );
}
