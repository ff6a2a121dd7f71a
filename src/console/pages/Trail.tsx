import { Alert, Anchor, Button, Code, Loader, Paper, Select, Text } from '@mantine/core';
import { IconShieldCheck, IconShieldX } from '@tabler/icons-react';
import { useState } from 'react';
import type { SequencedEntry } from '../../model/trail.ts';
import { useCheckpoint, useTrail, useTrailVerdict } from '../api/hooks.ts';
import { unnamedIn, useNames } from '../api/use-names.ts';
import { Digest } from '../components/Badges.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { whatHappened } from '../components/entry.ts';
import { EntryDrawer } from '../components/EntryDrawer.tsx';
import { Fold } from '../components/Fold.tsx';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { TextButton } from '../components/TextButton.tsx';
import { Time } from '../components/Time.tsx';
import { STEPS, useFilters, type TrailSearch } from '../search.ts';

const PAGE = 100;
type Step = (typeof STEPS)[number];
const LABEL: Record<Step, string> = {
  discovery: 'Discovery',
  enrollment: 'Enrollment',
  audit: 'Audit',
  impact: 'Impact',
  change: 'Change',
  trail: 'Trail',
  auth: 'Signing in, keys',
};

export function TrailPage() {
  const [{ step }, filter] = useFilters<TrailSearch>();
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
          data={STEPS.map((value) => ({ value, label: LABEL[value] }))}
          value={step ?? null}
          onChange={(value) => filter({ step: (value as Step | null) ?? undefined })}
          clearable
          placeholder="All"
          w={220}
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
      <EntryDrawer item={shown} onClose={() => setShown(null)} />
    </Page>
  );
}

function Verification() {
  const verdict = useTrailVerdict();
  const checkpoint = useCheckpoint();
  if (verdict.error) return <Problem error={verdict.error} />;
  if (!verdict.data) {
    return (
      <Alert
        color="gray"
        icon={<Loader size={18} role="status" aria-label="Loading" />}
        title="Every entry is being verified"
      >
        Each is hashed again, and the tree compared with what was signed.
      </Alert>
    );
  }
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
        <Fold title="Signed checkpoint">
          <Code block className="raw">
            {checkpoint.data.text}
          </Code>
        </Fold>
      ) : null}
    </Alert>
  );
}

function Entries({ items, onShow }: { items: SequencedEntry[]; onShow: (item: SequencedEntry) => void }) {
  const nameOf = useNames(unnamedIn(items.map(({ entry }) => entry)));
  if (items.length === 0) return <Empty title="No entries" hint="Nothing of this kind has happened yet." />;
  const columns: Column<SequencedEntry>[] = [
    { title: '#', cell: (item) => item.index ?? '…' },
    {
      title: 'What',
      cell: (item) => <TextButton onClick={() => onShow(item)}>{whatHappened(item.entry, nameOf)}</TextButton>,
    },
    { title: 'Who', cell: (item) => item.entry.actor.name },
    { title: 'Leaf', cell: (item) => <Digest value={item.leafHash} length={8} /> },
    { title: 'When', cell: (item) => <Time at={item.entry.at} mode="date" /> },
  ];
  return <DataTable items={items} columns={columns} keyOf={(item) => item.entry.id} minWidth={860} />;
}
