import { Code, Drawer, Group, Paper, Select, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { BURNING, type Finding } from '../../model/finding.ts';
import { useFindings } from '../api/hooks.ts';
import { FindingBadge, SeverityBadge } from '../components/Badges.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { PlanChange } from '../components/PlanChange.tsx';
import { TextButton } from '../components/TextButton.tsx';
import { Time } from '../components/Time.tsx';
import { paths } from '../paths.ts';

const STATES = ['burning', 'open', 'rekindled', 'planned', 'excepted', 'fixed', 'all'];
const ORDER = ['critical', 'high', 'medium', 'low', 'info'];

export function Findings() {
  const findings = useFindings();
  const [state, setState] = useState('burning');
  const [kit, setKit] = useState<string | null>(null);
  const [shown, setShown] = useState<Finding | null>(null);
  const keep = (finding: Finding): boolean =>
    (state === 'all' || (state === 'burning' ? BURNING.includes(finding.state) : finding.state === state)) &&
    (kit === null || finding.kit === kit);
  const kits = [...new Set((findings.data ?? []).map((finding) => finding.kit))].sort();
  return (
    <Page
      title="Findings"
      lead="Closed means proven: fresh facts from inside and, for a listener, a negative probe from outside."
      actions={<PlanChange kits={kits} />}
    >
      <Paper withBorder p="md">
        <Group mb="sm">
          <Select
            label="State"
            data={STATES}
            value={state}
            onChange={(value) => setState(value ?? 'burning')}
            allowDeselect={false}
            w={150}
          />
          <Select label="Kit" data={kits} value={kit} onChange={setKit} clearable placeholder="All" w={190} />
        </Group>
        <Loaded query={findings}>
          {(items) => (
            <FindingTable
              findings={items
                .filter(keep)
                .sort(
                  (a, b) =>
                    ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) || a.hostName.localeCompare(b.hostName),
                )}
              onShow={setShown}
            />
          )}
        </Loaded>
      </Paper>
      <FindingDrawer finding={shown} onClose={() => setShown(null)} />
    </Page>
  );
}

export function FindingTable({ findings, onShow }: { findings: Finding[]; onShow: (finding: Finding) => void }) {
  if (findings.length === 0)
    return (
      <Empty
        title="Nothing burns here"
        hint="No finding has this state. Run an audit with `lastember audit` to look again."
      />
    );
  const columns: Column<Finding>[] = [
    { title: 'Severity', cell: (finding) => <SeverityBadge severity={finding.severity} /> },
    { title: 'Finding', cell: (finding) => <What finding={finding} onShow={onShow} /> },
    { title: 'Where', cell: (finding) => <Where finding={finding} /> },
    { title: 'State', cell: (finding) => <FindingBadge state={finding.state} /> },
    { title: 'Opened', cell: (finding) => <Time at={finding.openedAt} /> },
  ];
  return <DataTable items={findings} columns={columns} keyOf={(finding) => finding.id} minWidth={720} />;
}

function What({ finding, onShow }: { finding: Finding; onShow: (finding: Finding) => void }) {
  return (
    <>
      <TextButton onClick={() => onShow(finding)}>{finding.title}</TextButton>
      {finding.pending ? (
        <Text size="xs" c="dimmed">
          {finding.pending}
        </Text>
      ) : null}
    </>
  );
}

function Where({ finding }: { finding: Finding }) {
  return (
    <>
      <Link to={paths.host(finding.hostId)} className="row-link">
        {finding.hostName}
      </Link>
      <Text size="xs" c="dimmed" className="mono">
        {finding.endpoint ?? finding.component}
      </Text>
    </>
  );
}

export function FindingDrawer({ finding, onClose }: { finding: Finding | null; onClose: () => void }) {
  return (
    <Drawer
      opened={finding !== null}
      onClose={onClose}
      position="right"
      size="lg"
      title={<Text fw={650}>{finding?.title}</Text>}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {finding ? (
        <Stack gap="sm">
          <Group gap="xs">
            <SeverityBadge severity={finding.severity} />
            <FindingBadge state={finding.state} />
            <Text size="sm" c="dimmed">
              confidence {Math.round(finding.confidence * 100)} %
            </Text>
          </Group>
          {finding.pending ? <Text>{finding.pending}</Text> : null}
          {finding.rekindleCause ? <Text>Rekindled: {finding.rekindleCause}</Text> : null}
          <Text size="sm">
            {finding.kit} {finding.kitVersion}, check {finding.check}
            {finding.advisories.length ? `, ${finding.advisories.join(', ')}` : ''}
          </Text>
          <Text size="sm" fw={600}>
            Evidence
          </Text>
          <Code block>{JSON.stringify(finding.evidence, null, 2)}</Code>
          {finding.changeId ? (
            <Link to={paths.change(finding.changeId)} className="row-link">
              Planned in change {finding.changeId}
            </Link>
          ) : null}
        </Stack>
      ) : null}
    </Drawer>
  );
}
