import { Paper, Text, Title } from '@mantine/core';
import { useVulnerabilities } from '../api/vulnerabilities.ts';
import { Empty, Loaded } from './Page.tsx';
import { VulnerabilityTable } from './VulnerabilityTable.tsx';

/** What feeds say of the packages of one host, the most urgent first. */
export function HostVulnerabilities({ host }: { host: { id: string; name: string } }) {
  const found = useVulnerabilities({ host: host.id });
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        Vulnerabilities
      </Title>
      <Loaded query={found}>
        {({ items, total, informed, silent = [] }) =>
          items.length === 0 ? (
            <None informed={informed} silent={silent} />
          ) : (
            <>
              {silent.map((why) => (
                <Text size="sm" c="orange" mb="sm" key={why}>
                  Not known: {why}.
                </Text>
              ))}
              <VulnerabilityTable items={items} onHost />
              {total > items.length ? (
                <Text size="sm" c="dimmed" mt="sm">
                  The {items.length} most urgent of {total}; <code>lastember vulnerabilities --host {host.name}</code>{' '}
                  has all.
                </Text>
              ) : null}
            </>
          )
        }
      </Loaded>
    </Paper>
  );
}

/** Good news only where a feed would have told. */
function None({ informed, silent }: { informed: boolean; silent: readonly string[] }) {
  if (!informed) return <Empty title="Nothing is known" hint="No feed that speaks of packages is in force." />;
  if (silent.length > 0)
    return <Empty title="Nothing is known" hint={`${sentence(silent.join('; '))} None listed proves nothing.`} />;
  return (
    <Empty
      title="None that feeds know of"
      hint="As far as its facts tell, and as far as feeds speak of its packages."
    />
  );
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
