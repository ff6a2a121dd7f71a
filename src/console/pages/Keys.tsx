import { Anchor, Badge, Group, Paper, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { KEY_PLACE_WORDS, type KeyPlaceSeen, type PublicKey, type PublicKeys } from '../../model/key.ts';
import { useKeys } from '../api/keys.ts';
import { count } from '../components/count.ts';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { HostLink } from '../components/HostLink.tsx';
import { Empty, Loaded, Page } from '../components/Page.tsx';
import { TextButton } from '../components/TextButton.tsx';
import { Time } from '../components/Time.tsx';
import { paths } from '../paths.ts';
import { KEYS_SHOWN, type KeysSearch, type KeysShown, useFilters } from '../search.ts';

const LABEL: Record<KeysShown, string> = { shared: 'On several hosts', burnt: 'Burnt', all: 'All' };
const NONE: Record<KeysShown, string> = {
  shared: 'No key is on several hosts',
  burnt: 'No key is burnt',
  all: 'No such key is known',
};
const NAME = /^(?:[0-9a-f]{1,64}|SHA256:[A-Za-z0-9+/]{0,43})$/;
/** Places of a key that are shown before somebody asks for all. */
const FIRST = 3;

/** Which key is where, and what is known against it. */
export function Keys() {
  const [{ show = 'shared', key = '' }, filter] = useFilters<KeysSearch>();
  const wrong = key !== '' && !NAME.test(key);
  const keys = useKeys(show, wrong ? '' : key);
  return (
    <Page
      title="Keys"
      lead="Every public key that listeners show and hosts hold. A burnt one is rotated wherever it is."
    >
      <Group gap="sm" align="flex-start">
        <SegmentedControl
          aria-label="Which keys"
          data={KEYS_SHOWN.map((value) => ({ value, label: LABEL[value] }))}
          value={show}
          onChange={(value) => filter({ show: value === 'shared' ? undefined : (value as KeysShown) })}
        />
        <TextInput
          aria-label="A key’s name, or how it begins"
          placeholder="SHA256:… or a hash in hex"
          value={key}
          error={wrong ? 'A hash in hex, or SHA256:… as ssh-keygen -l prints it' : null}
          onChange={({ currentTarget }) => filter({ key: currentTarget.value.trim() || undefined }, true)}
          w={290}
          maw="100%"
        />
      </Group>
      <Paper withBorder p="md">
        <Loaded query={keys}>{(found) => <Found found={found} show={show} asked={key !== ''} />}</Loaded>
      </Paper>
    </Page>
  );
}

function Found({ found, show, asked }: { found: PublicKeys; show: KeysShown; asked: boolean }) {
  if (found.items.length === 0)
    return (
      <Empty
        title={asked ? NONE.all : NONE[show]}
        hint="Keys come with scans, and with facts of hosts that are looked into. Where nobody looked, nothing is known."
      />
    );
  return (
    <>
      <DataTable items={found.items} columns={COLUMNS} keyOf={({ key }) => key} minWidth={900} label="Keys" />
      {found.more ? (
        <Text size="sm" c="dimmed" mt="sm">
          There are more: narrow them down by the name of a key.
        </Text>
      ) : null}
    </>
  );
}

const COLUMNS: Column<PublicKey>[] = [
  { title: 'Key', cell: (key) => <Name name={key.key} kind={key.kind} />, width: 190 },
  { title: 'Held by', cell: held, width: 130 },
  { title: 'Where', cell: (key) => <Where of={key} />, min: 260 },
  { title: 'Since', cell: ({ since }) => (since ? <Time at={since} /> : 'earlier'), width: 120 },
  { title: 'Burnt', cell: (key) => <Burnt of={key} />, width: 150 },
];

function Name({ name, kind }: { name: string; kind: PublicKey['kind'] }) {
  return (
    <>
      <span className="mono" title={name} style={{ overflowWrap: 'anywhere' }}>
        {name.slice(0, 19)}…
      </span>
      <Text size="xs" c="dimmed">
        {kind === 'ssh' ? 'SSH' : 'TLS'}
      </Text>
    </>
  );
}

function held({ hosts, admits }: PublicKey) {
  return (
    <>
      {hosts === 0 ? 'nobody we know' : count(hosts, 'host')}
      {admits > 0 ? (
        <Text size="xs" c="dimmed">
          lets into {count(admits, 'host')}
        </Text>
      ) : null}
    </>
  );
}

function Where({ of: { places, total, logged } }: { of: PublicKey }) {
  const [all, show] = useState(false);
  const shown = all ? places : places.slice(0, FIRST);
  return (
    <Stack gap={2} align="flex-start">
      {shown.map((place) => (
        <Place key={`${place.hostId} ${place.kind} ${place.place}`} place={place} />
      ))}
      {places.length > FIRST ? (
        <TextButton onClick={() => show(!all)}>{all ? 'Show fewer' : `Show all ${total}`}</TextButton>
      ) : null}
      {all && total > places.length ? (
        <Text size="xs" c="dimmed">
          and {total - places.length} more
        </Text>
      ) : null}
      {logged.length > 0 ? (
        <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          certificate in a public log for {[...new Set(logged.map(({ name }) => name))].join(', ')}
        </Text>
      ) : null}
    </Stack>
  );
}

function Place({ place: { hostId, hostName, kind, place, holds } }: { place: KeyPlaceSeen }) {
  const how = kind === 'file' && !holds ? 'certificate in' : KEY_PLACE_WORDS[kind];
  return (
    <div style={{ overflowWrap: 'anywhere' }}>
      <HostLink id={hostId} name={hostName} />{' '}
      <Text span size="sm" c="dimmed">
        {how}
      </Text>{' '}
      <span className="mono">{place}</span>
    </div>
  );
}

function Burnt({ of: { burnt, findings } }: { of: PublicKey }) {
  const kits = [...new Set(burnt.map(({ kit }) => kit))];
  const changes = [...new Set(findings.flatMap(({ changeId }) => (changeId === null ? [] : [changeId])))];
  if (kits.length === 0)
    return (
      <Text size="sm" c="dimmed">
        nothing known
      </Text>
    );
  return (
    <Stack gap={4} align="flex-start">
      {kits.map((kit) => (
        <Badge
          key={kit}
          component={Link}
          to={paths.campaign(kit)}
          color="red"
          variant="light"
          style={{ cursor: 'pointer' }}
        >
          {kit}
        </Badge>
      ))}
      {changes.map((id) => (
        <Anchor key={id} component={Link} to={paths.change(id)} size="sm">
          Change
        </Anchor>
      ))}
    </Stack>
  );
}
