import { Alert, Anchor, Button, Code, Drawer, Paper, Select, Text } from '@mantine/core';
import { IconShieldCheck, IconShieldX } from '@tabler/icons-react';
import { useState } from 'react';
import type { SequencedEntry } from '../../model/trail.ts';
import { useCheckpoint, useTrail, useTrailVerdict } from '../api/hooks.ts';
import { Digest } from '../components/Badges.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { describeEntry } from '../components/entry.ts';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { TextButton } from '../components/TextButton.tsx';
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
  const columns: Column<SequencedEntry>[] = [
    { title: '#', cell: (item) => item.index ?? '…' },
    {
      title: 'What',
      cell: (item) => <TextButton onClick={() => onShow(item)}>{describeEntry(item.entry)}</TextButton>,
    },
    { title: 'Who', cell: (item) => item.entry.actor.name },
    { title: 'Leaf', cell: (item) => <Digest value={item.leafHash} length={8} /> },
    { title: 'When', cell: (item) => <Time at={item.entry.at} /> },
  ];
  return <DataTable items={items} columns={columns} keyOf={(item) => item.entry.id} minWidth={640} />;
}
