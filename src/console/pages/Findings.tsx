import { Button, Code, Drawer, Group, Paper, Select, Stack, Table, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Finding } from '../../model/finding.ts';
import { useFindings } from '../api/hooks.ts';
import { FindingBadge, SeverityBadge } from '../components/Badges.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { PlanChange } from '../components/PlanChange.tsx';
import { Time } from '../components/Time.tsx';
import { BURNING } from '../../model/finding.ts';
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
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Severity</Table.Th>
            <Table.Th>Finding</Table.Th>
            <Table.Th>Where</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Opened</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {findings.map((finding) => (
            <Table.Tr key={finding.id}>
              <Table.Td>
                <SeverityBadge severity={finding.severity} />
              </Table.Td>
              <Table.Td>
                <Button
                  variant="transparent"
                  size="compact-sm"
                  p={0}
                  h="auto"
                  styles={{ label: { whiteSpace: 'normal', textAlign: 'left' } }}
                  onClick={() => onShow(finding)}
                >
                  {finding.title}
                </Button>
                {finding.pending ? (
                  <Text size="xs" c="dimmed">
                    {finding.pending}
                  </Text>
                ) : null}
              </Table.Td>
              <Table.Td>
                <Link to={paths.host(finding.hostId)} className="row-link">
                  {finding.hostName}
                </Link>
                <Text size="xs" c="dimmed" className="mono">
                  {finding.endpoint ?? finding.component}
                </Text>
              </Table.Td>
              <Table.Td>
                <FindingBadge state={finding.state} />
              </Table.Td>
              <Table.Td>
                <Time at={finding.openedAt} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
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
