import { List, Stack, Text, Title } from '@mantine/core';
import type { Impact, RestartImpact } from '../../model/impact.ts';
import { count } from './count.ts';
import { Fold } from './Fold.tsx';
import { HostLink, HostLinks } from './HostLink.tsx';
import { byService, clientInWords, impactInWords, type ServiceRestarts, type Tense } from './impact-words.ts';

interface Props {
  impact: Impact;
  tense: Tense;
  nameOf: (hostId: string) => string;
}

/** Restarts with who is connected, packages, files a host: the same layout for predicted and observed. */
export function ImpactView({ impact, tense, nameOf }: Props) {
  return (
    <Stack gap="sm">
      <Text size="sm">{impactInWords(impact, tense)}</Text>
      <Restarts restarts={impact.restarts} tense={tense} />
      <Packages packages={impact.packages} nameOf={nameOf} />
      <Files files={impact.files} nameOf={nameOf} />
    </Stack>
  );
}

function Restarts({ restarts, tense }: { restarts: Impact['restarts']; tense: Tense }) {
  const groups = byService(restarts);
  const unused = groups.flatMap((group) => (group.used.length === 0 ? [group] : []));
  const total = unused.reduce((sum, group) => sum + group.unused.length, 0);
  return (
    <>
      {groups
        .filter((group) => group.used.length > 0)
        .map((group) => (
          <div key={group.service}>
            <Title order={3} size="h6">
              {group.service} {tense === 'past' ? 'restarted' : 'restarts'} on{' '}
              {count(group.used.length + group.unused.length, 'host')}
            </Title>
            <List size="sm" spacing={2}>
              {group.used.map((restart) => (
                <List.Item key={restart.hostId}>
                  <Used restart={restart} tense={tense} />
                </List.Item>
              ))}
            </List>
            {group.unused.length > 0 ? (
              <Unused groups={[group]} title={unusedTitle(group.unused.length, tense)} />
            ) : null}
          </div>
        ))}
      {total > 0 ? <Unused groups={unused} title={unusedTitle(total, tense)} /> : null}
    </>
  );
}

const unusedTitle = (n: number, tense: Tense): string =>
  tense === 'past'
    ? `${count(n, 'restart')} that nobody was connected to`
    : `${count(n, 'restart')} that nobody is connected to`;

function Used({ restart, tense }: { restart: RestartImpact; tense: Tense }) {
  return (
    <>
      <HostLink id={restart.hostId} name={restart.hostName} />:{' '}
      {restart.clients.map((client, index) => (
        <span key={`${client.hostId}${client.unit}`}>
          {index > 0 ? '; ' : ''}
          <HostLink id={client.hostId} name={client.hostName} />
          {clientInWords(client, tense)}
        </span>
      ))}
      {restart.alternatives?.length ? (
        <>
          ; the same clients also use <HostLinks hosts={restart.alternatives} />
        </>
      ) : null}
      <Reason text={restart.reason} />
    </>
  );
}

function Unused({ groups, title }: { groups: readonly ServiceRestarts[]; title: string }) {
  return (
    <Fold title={title}>
      <List size="sm" spacing={2}>
        {groups.flatMap(({ service, unused }) =>
          [...Map.groupBy(unused, (one) => one.reason)].map(([reason, all]) => (
            <List.Item key={`${service}${reason}`}>
              {service} on <HostLinks hosts={all} />
              <Reason text={reason} />
            </List.Item>
          )),
        )}
      </List>
    </Fold>
  );
}

function Reason({ text }: { text: string }) {
  return (
    <Text size="xs" c="dimmed">
      Because {text.replaceAll('; ', ', and ')}
    </Text>
  );
}

function Packages({ packages, nameOf }: Pick<Impact, 'packages'> & Pick<Props, 'nameOf'>) {
  if (packages.length === 0) return null;
  const groups = Map.groupBy(packages, (item) => `${item.name} ${item.from} → ${item.to}`);
  return (
    <Fold title={`${count(packages.length, 'package')} on ${count(hostsIn(packages), 'host')}`}>
      <List size="sm" spacing={2}>
        {[...groups].map(([what, all]) => (
          <List.Item key={what}>
            <span className="mono">{what}</span> on{' '}
            <HostLinks hosts={all.map(({ hostId }) => ({ hostId, hostName: nameOf(hostId) }))} />
          </List.Item>
        ))}
      </List>
    </Fold>
  );
}

function Files({ files, nameOf }: Pick<Impact, 'files'> & Pick<Props, 'nameOf'>) {
  if (files.length === 0) return null;
  return (
    <Fold title={`${count(files.length, 'file')} on ${count(hostsIn(files), 'host')}`}>
      {[...Map.groupBy(files, (item) => item.hostId)].map(([hostId, own]) => (
        <Fold key={hostId} title={`${nameOf(hostId)}: ${count(own.length, 'file')}`}>
          <List size="sm" spacing={2}>
            {own.map((item) => (
              <List.Item key={`${item.path}${item.change}`}>
                <span className="mono">{item.path}</span>: {item.change}
              </List.Item>
            ))}
          </List>
        </Fold>
      ))}
    </Fold>
  );
}

const hostsIn = (items: readonly { hostId: string }[]): number => new Set(items.map((item) => item.hostId)).size;
