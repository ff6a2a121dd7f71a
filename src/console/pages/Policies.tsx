import { Code, Paper, Text, Title } from '@mantine/core';
import type { PolicyList } from '../../model/policy.ts';
import { usePolicies } from '../api/compliance.ts';
import { count } from '../components/count.ts';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';

type Bound = PolicyList['policies'][number];
type Shown = PolicyList['profiles'][number];

const POLICIES: Column<Bound>[] = [
  { title: 'Policy', cell: ({ name }) => name },
  { title: 'Hosts with', min: 200, cell: ({ hosts }) => <Code>{hosts}</Code> },
  { title: 'Now', cell: ({ matches }) => count(matches, 'host') },
  { title: 'Profile', cell: ({ profile }) => profile },
];

const PROFILES: Column<Shown>[] = [
  {
    title: 'Profile',
    min: 140,
    cell: ({ name, title }) => (
      <>
        {name}
        {title ? (
          <Text size="xs" c="dimmed">
            {title}
          </Text>
        ) : null}
      </>
    ),
  },
  { title: 'Checks', min: 200, cell: (profile) => <Which profile={profile} /> },
  { title: 'Severity', cell: ({ severity }) => <List of={pairs(severity)} none="as the kits say" /> },
  { title: 'To be ended within', cell: ({ slaDays }) => <List of={days(slaDays)} none="no limit" /> },
];

const pairs = (of: object): string[] => Object.entries(of).map(([name, value]) => `${name}: ${String(value)}`);

const days = (of: object): string[] =>
  Object.entries(of).map(([name, value]) => `${name}: ${count(Number(value), 'day')}`);

function Which({ profile: { checks, include, exclude } }: { profile: Shown }) {
  return (
    <>
      {checks}
      <Text size="xs" c="dimmed">
        {include === undefined ? 'of all kits' : include.join(', ')}
        {exclude.length > 0 ? `; without ${exclude.join(', ')}` : ''}
      </Text>
    </>
  );
}

function List({ of, none }: { of: readonly string[]; none: string }) {
  if (of.length === 0) return <>{none}</>;
  return of.map((one) => <div key={one}>{one}</div>);
}

/** Which checks which hosts are held to, how bad, and how soon. */
export function Policies() {
  return (
    <Page
      title="Policies"
      lead="A host that no policy is for is held to every kit as it is: a forgotten tag turns no check off."
    >
      <Loaded query={usePolicies()}>{(found) => <Found found={found} />}</Loaded>
    </Page>
  );
}

function Found({ found: { policies, profiles, unbound } }: { found: PolicyList }) {
  return (
    <>
      <Paper withBorder p="md">
        {policies.length === 0 ? (
          <Empty
            title="No policies"
            hint={
              <>
                Every kit applies to every host, and nothing has a time limit. <code>lastember policies set FILE</code>{' '}
                sets some; <code>--dry-run</code> says first what would change.
              </>
            }
          />
        ) : (
          <>
            <DataTable items={policies} columns={POLICIES} keyOf={({ name }) => name} minWidth={640} label="Policies" />
            <Text size="sm" c="dimmed" mt="sm">
              {unbound === 0 ? 'Every host has a policy.' : `${count(unbound, 'host')} without a policy.`}
            </Text>
          </>
        )}
      </Paper>
      {profiles.length > 0 ? (
        <Paper withBorder p="md">
          <Title order={2} size="h4" mb="sm">
            Profiles
          </Title>
          <DataTable items={profiles} columns={PROFILES} keyOf={({ name }) => name} minWidth={760} label="Profiles" />
        </Paper>
      ) : null}
    </>
  );
}
