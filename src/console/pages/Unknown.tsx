import { Button, Group, Kbd, Modal, Paper, Select, Stack, Text, TextInput } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { useState } from 'react';
import type { LikelyOwner, UnknownHost } from '../../model/unknown.ts';
import { type Said, useSay, useUnknown } from '../api/unknown.ts';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { DeployForm, useMayDeploy } from '../components/DeployHosts.tsx';
import { HostLink } from '../components/HostLink.tsx';
import { Empty, Loaded, Page, Problem } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';

type Asking = { what: 'claim' | 'ignore' | 'deploy'; id: string };

/** The inbox of what nobody has claimed: one key each to claim, to set aside, to deploy. */
export function Unknown() {
  const unknown = useUnknown();
  return (
    <Page title="Unknown" lead="Machines that some source saw and nobody has claimed: whose are they?">
      <Loaded query={unknown}>
        {(items) =>
          items.length === 0 ? (
            <Paper withBorder p="md">
              <Empty
                title="Nothing is unknown"
                hint="Somebody claimed every host. New ones appear here by themselves."
              />
            </Paper>
          ) : (
            <Inbox items={items} />
          )
        }
      </Loaded>
    </Page>
  );
}

function Inbox({ items }: { items: readonly UnknownHost[] }) {
  const may = useMayDeploy();
  const say = useSay();
  const [chosen, choose] = useState(items[0]!.host.id);
  const [asking, ask] = useState<Asking | null>(null);
  const index = Math.max(
    0,
    items.findIndex(({ host }) => host.id === chosen),
  );
  const current = items[index]!;
  const step = (by: number): void => choose(items[Math.min(items.length - 1, Math.max(0, index + by))]!.host.id);
  const open = (what: Asking['what'], id = current.host.id): void => {
    choose(id);
    if (may) ask({ what, id });
  };
  useHotkeys([
    ['j', () => step(1)],
    ['k', () => step(-1)],
    ['c', () => open('claim')],
    ['i', () => open('ignore')],
    ['d', () => open('deploy')],
  ]);
  const asked = asking && items.find(({ host }) => host.id === asking.id);
  return (
    <>
      {say.error ? <Problem error={say.error} /> : null}
      {may ? <Keys /> : null}
      <Paper withBorder p="md">
        <DataTable
          label="Unknown hosts"
          items={items}
          columns={columnsFor(current.host.id, may, open)}
          keyOf={({ host }) => host.id}
          minWidth={900}
        />
      </Paper>
      <Modal
        opened={asked !== null && asked !== undefined}
        onClose={() => ask(null)}
        title={asked && asking ? `${VERBS[asking.what]} ${asked.host.name}` : ''}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {asked && asking ? (
          <Answer
            asking={asking}
            about={asked}
            say={(said) => {
              ask(null);
              step(index === items.length - 1 ? -1 : 1);
              say.mutate(said);
            }}
            done={() => ask(null)}
          />
        ) : null}
      </Modal>
    </>
  );
}

const VERBS: Record<Asking['what'], string> = { claim: 'Claim', ignore: 'Set aside', deploy: 'Deploy to' };

function Keys() {
  return (
    <Text size="sm" c="dimmed" visibleFrom="sm">
      <Kbd>j</Kbd> <Kbd>k</Kbd> down and up, <Kbd>c</Kbd> claim, <Kbd>i</Kbd> set aside, <Kbd>d</Kbd> deploy
    </Text>
  );
}

function columnsFor(
  current: string,
  may: boolean,
  open: (what: Asking['what'], id: string) => void,
): Column<UnknownHost>[] {
  return [
    {
      title: 'Host',
      min: 180,
      cell: ({ host }) => (
        <div aria-current={host.id === current ? 'true' : undefined} className={host.id === current ? 'chosen' : ''}>
          <HostLink id={host.id} name={host.name} />
          <Text size="xs" c="dimmed">
            {host.guess ?? host.addresses.join(', ')}
          </Text>
        </div>
      ),
    },
    { title: 'Serves', min: 120, cell: ({ services }) => services.join(', ') || '–' },
    { title: 'Seen by', min: 130, cell: (one) => <SeenBy one={one} /> },
    { title: 'May be of', min: 200, cell: ({ owners }) => <Owners owners={owners} /> },
    { title: 'First seen', cell: ({ host }) => <Time at={host.firstSeen} /> },
    ...(may
      ? [
          {
            title: 'Whose is it?',
            min: 230,
            cell: ({ host }: UnknownHost) => (
              <Group gap={6}>
                {(['claim', 'ignore', 'deploy'] as const).map((what) => (
                  <Button
                    key={what}
                    size="compact-sm"
                    variant={what === 'claim' ? 'filled' : 'default'}
                    onClick={() => open(what, host.id)}
                    aria-label={`${VERBS[what]} ${host.name}`}
                    style={{ flex: 'none' }}
                  >
                    {VERBS[what].replace(' to', '')}
                  </Button>
                ))}
              </Group>
            ),
          },
        ]
      : []),
  ];
}

function SeenBy({ one: { host, seenByAgents } }: { one: UnknownHost }) {
  return (
    <>
      {host.sources.join(', ')}
      {seenByAgents.map(({ id, name }) => (
        <div key={id}>
          <HostLink id={id} name={name} />
        </div>
      ))}
    </>
  );
}

function Owners({ owners }: { owners: readonly LikelyOwner[] }) {
  if (owners.length === 0) return <>–</>;
  return (
    <>
      {owners.map(({ owner, why }) => (
        <div key={owner}>
          {owner}
          <Text size="xs" c="dimmed">
            {why.join('; ')}
          </Text>
        </div>
      ))}
    </>
  );
}

interface AnswerProps {
  asking: Asking;
  about: UnknownHost;
  say: (said: Said) => void;
  done: () => void;
}

function Answer({ asking, about, say, done }: AnswerProps) {
  if (asking.what === 'deploy') return <DeployForm hosts={[about.host]} done={done} />;
  return asking.what === 'claim' ? <ClaimForm about={about} say={say} /> : <IgnoreForm about={about} say={say} />;
}

function ClaimForm({ about, say }: Pick<AnswerProps, 'about' | 'say'>) {
  const [owner, setOwner] = useState(about.owners[0]?.owner ?? '');
  const submit = (): void => say({ id: about.host.id, is: 'ours', ...(owner.trim() ? { owner: owner.trim() } : {}) });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Stack>
        <TextInput
          label="Owner"
          description={
            about.owners[0] ? `Likely: ${about.owners[0].why.join('; ')}.` : 'Who looks after it; may stay empty.'
          }
          value={owner}
          onChange={({ currentTarget }) => setOwner(currentTarget.value)}
          maxLength={120}
          data-autofocus
        />
        <Group justify="flex-end">
          <Button type="submit">Claim it</Button>
        </Group>
      </Stack>
    </form>
  );
}

const DAY_MS = 86_400_000;
const TERMS = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'a year' },
  { value: '', label: 'without an end' },
];

function IgnoreForm({ about, say }: Pick<AnswerProps, 'about' | 'say'>) {
  const [reason, setReason] = useState('');
  const [days, setDays] = useState('90');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const until = days === '' ? null : new Date(Date.now() + Number(days) * DAY_MS).toISOString();
        if (reason.trim()) say({ id: about.host.id, is: 'aside', reason: reason.trim(), until });
      }}
    >
      <Stack>
        <TextInput
          label="Why"
          required
          value={reason}
          onChange={({ currentTarget }) => setReason(currentTarget.value)}
          maxLength={1000}
          data-autofocus
        />
        <Select
          label="For how long"
          description="Then it is unknown again and comes back here."
          data={TERMS}
          value={days}
          onChange={(value) => setDays(value ?? '90')}
          allowDeselect={false}
        />
        <Group justify="flex-end">
          <Button type="submit" disabled={reason.trim() === ''}>
            Set it aside
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
