import { List, Stack, Text } from '@mantine/core';
import type { Impact } from '../../model/impact.ts';

/** Packages, files and restarts with who is connected: the same layout for predicted and observed. */
export function ImpactView({ impact }: { impact: Impact }) {
  const names = new Map([...impact.affectedHosts, ...impact.restarts].map((item) => [item.hostId, item.hostName]));
  return (
    <Stack gap="xs">
      <Text size="sm">{impact.summary}</Text>
      {impact.packages.length > 0 ? (
        <List size="sm" spacing={2}>
          {impact.packages.map((item) => (
            <List.Item key={`${item.hostId}${item.name}`}>
              <span className="mono">{item.name}</span> {item.from} → {item.to}
              {names.has(item.hostId) ? ` on ${names.get(item.hostId)}` : ''}
            </List.Item>
          ))}
        </List>
      ) : null}
      {impact.restarts.map((restart) => (
        <div key={`${restart.hostId}${restart.service}`}>
          <Text size="sm" fw={600}>
            {restart.service} on {restart.hostName} restarts
          </Text>
          <Text size="xs" c="dimmed">
            {restart.clients.length === 0
              ? 'Nobody is connected.'
              : restart.clients
                  .map(
                    (client) =>
                      `${client.hostName}${client.unit ? ` (${client.unit})` : ''}: ${client.connections} connection${client.connections === 1 ? '' : 's'}${client.distance > 1 ? `, ${client.distance} hops away` : ''}`,
                  )
                  .join('; ')}
          </Text>
        </div>
      ))}
    </Stack>
  );
}
