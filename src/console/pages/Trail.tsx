import { Alert, Anchor, Button, Code, Drawer, Group, Paper, Select, Table, Text } from '@mantine/core';
import { IconShieldCheck, IconShieldX } from '@tabler/icons-react';
import { useState } from 'react';
import type { SequencedEntry } from '../../model/trail.ts';
import { useCheckpoint, useTrail, useTrailVerdict } from '../api/hooks.ts';
import { Digest } from '../components/Badges.tsx';
import { describeEntry } from '../components/entry.ts';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';

const STEPS = ['discovery', 'enrollment', 'audit', 'impact', 'change', 'trail', 'auth'];
const PAGE = 100;

export function TrailPage() {
  const [step, setStep] = useState<string | null>(null);
  const [limit, setLimit] = useState(PAGE);
  const [shown, setShown] = useState<SequencedEntry | null>(null);
  const trail = useTrail({ limit, ...(step ? { type: step } : {}) });
  return (
    <Page
      title="Trail"
      lead="Every action, in an append-only tree. Nothing here can be edited without it showing."
      actions={
        <Anchor href="/api/v1/trail/export" size="sm">
          Export for offline verification
        </Anchor>
      }
    >
      <Verification />
      <Paper withBorder p="md">
        <Select
          label="Step of the loop"
          data={STEPS}
          value={step}
          onChange={setStep}
          clearable
          placeholder="All"
          w={200}
          mb="sm"
        />
        <Loaded query={trail}>
          {(page) => (
            <>
              <Entries items={page.items} onShow={setShown} />
              {page.items.length >= limit ? (
                <Button variant="default" mt="sm" onClick={() => setLimit(limit + PAGE)}>
                  Show more
                </Button>
              ) : null}
            </>
          )}
        </Loaded>
      </Paper>
      <Drawer
        opened={shown !== null}
        onClose={() => setShown(null)}
        position="right"
        size="lg"
        title={<Text fw={650}>Entry {shown?.index ?? ''}</Text>}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {shown ? <Code block>{JSON.stringify(shown, null, 2)}</Code> : null}
      </Drawer>
    </Page>
  );
}

function Verification() {
  const verdict = useTrailVerdict();
  const checkpoint = useCheckpoint();
  if (verdict.error) return <Problem error={verdict.error} />;
  if (!verdict.data) return null;
  const ok = verdict.data.verified;
  return (
    <Alert
      color={ok ? 'teal' : 'red'}
      icon={ok ? <IconShieldCheck aria-hidden /> : <IconShieldX aria-hidden />}
      title={ok ? `Verified: ${verdict.data.size} entries fit the signed tree` : 'The trail does not verify'}
    >
      <Text size="sm">
        Root <Digest value={verdict.data.root} length={24} />
      </Text>
      {verdict.data.problems.map((problem) => (
        <Text size="sm" key={problem}>
          {problem}
        </Text>
      ))}
      {checkpoint.data ? (
        <Code block mt="xs">
          {checkpoint.data.text}
        </Code>
      ) : null}
    </Alert>
  );
}

function Entries({ items, onShow }: { items: SequencedEntry[]; onShow: (item: SequencedEntry) => void }) {
  if (items.length === 0) return <Empty title="No entries" hint="Nothing of this kind has happened yet." />;
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>#</Table.Th>
            <Table.Th>What</Table.Th>
            <Table.Th>Who</Table.Th>
            <Table.Th>Leaf</Table.Th>
            <Table.Th>When</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item) => (
            <Table.Tr key={item.entry.id}>
              <Table.Td>{item.index ?? '…'}</Table.Td>
              <Table.Td>
                <Button
                  variant="transparent"
                  size="compact-sm"
                  p={0}
                  h="auto"
                  styles={{ label: { whiteSpace: 'normal', textAlign: 'left' } }}
                  onClick={() => onShow(item)}
                >
                  {describeEntry(item.entry)}
                </Button>
              </Table.Td>
              <Table.Td>
                <Group gap={4}>{item.entry.actor.name}</Group>
              </Table.Td>
              <Table.Td>
                <Digest value={item.leafHash} length={8} />
              </Table.Td>
              <Table.Td>
                <Time at={item.entry.at} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
