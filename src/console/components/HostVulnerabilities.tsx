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
        {({ items, total, informed }) =>
          items.length === 0 ? (
            <Empty
              title={informed ? 'None that feeds know of' : 'Nothing is known'}
              hint={
                informed
                  ? 'As far as its facts tell, and as far as feeds speak of its packages.'
                  : 'No feed that speaks of packages is in force.'
              }
            />
          ) : (
            <>
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
