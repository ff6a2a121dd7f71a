import { Anchor, Drawer, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { SequencedEntry, Subject } from '../../model/trail.ts';
import { idsIn, useNames } from '../api/use-names.ts';
import { paths } from '../paths.ts';
import { whatHappened, type NameOf } from './entry.ts';
import { Facts } from './Facts.tsx';
import { Fold } from './Fold.tsx';
import { Terms } from './Terms.tsx';
import { Time } from './Time.tsx';

/** One entry of the trail in full. */
export function EntryDrawer({ item, onClose }: { item: SequencedEntry | null; onClose: () => void }) {
  const nameOf = useNames(idsIn(item?.entry));
  return (
    <Drawer
      opened={item !== null}
      onClose={onClose}
      position="right"
      size="lg"
      title={<Text fw={650}>{item ? whatHappened(item.entry, nameOf) : ''}</Text>}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {item ? <Opened item={item} /> : null}
    </Drawer>
  );
}

function Opened({ item }: { item: SequencedEntry }) {
  const { entry, index, leafHash } = item;
  const { actor, related } = entry;
  const named = useNames(idsIn(entry));
  const nameOf: NameOf = (id) => related.find((one) => one.id === id)?.name ?? named(id);
  return (
    <Stack gap="sm">
      <Terms
        items={[
          ['Entry', index === null ? 'not in the tree yet' : `#${index}`],
          ['When', <Time key="when" at={entry.at} mode="date" />],
          ['Who', [actor.name, actor.role, actor.ip].filter(Boolean).join(', ')],
          entry.reason ? ['Why', entry.reason] : null,
          ['About', <About key="about" subject={entry.subject} nameOf={nameOf} />],
          [
            'Type',
            <span key="type" className="mono">
              {entry.type}
            </span>,
          ],
          [
            'Leaf',
            <span key="leaf" className="mono">
              {leafHash}
            </span>,
          ],
        ]}
      />
      {related.length > 0 ? (
        <Fold title={`Also about: ${related.length}`} open={related.length <= FEW}>
          {related.map((subject) => (
            <div key={subject.kind + subject.id}>
              <About subject={subject} nameOf={nameOf} />
            </div>
          ))}
        </Fold>
      ) : null}
      <Title order={3} size="h5" mt="xs">
        Details
      </Title>
      <Facts of={entry.detail} raw={item} nameOf={nameOf} />
    </Stack>
  );
}

const FEW = 4;

const PAGE: Partial<Record<Subject['kind'], (id: string) => string>> = {
  host: paths.host,
  change: paths.change,
  campaign: paths.campaign,
};

function About({ subject, nameOf }: { subject: Subject; nameOf: NameOf }) {
  const { kind, id } = subject;
  const name = subject.name ?? nameOf(id) ?? id;
  const path = PAGE[kind]?.(id);
  if (!path) return `${kind} ${name}`;
  return (
    <>
      {kind}{' '}
      <Anchor component={Link} to={path} inherit>
        {name}
      </Anchor>
    </>
  );
}
