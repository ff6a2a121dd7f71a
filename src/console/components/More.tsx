import { Button, Group, Text } from '@mantine/core';

interface Paged {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
  fetchNextPage: () => unknown;
}

/** How much of a list is shown, and the way to the rest. */
export function More({ shown, total, of }: { shown: number; total: number | undefined; of: Paged }) {
  if (shown === 0) return null;
  return (
    <Group justify="space-between" mt="sm">
      <Text size="sm" c="dimmed" role="status">
        {total === undefined ? `${shown} shown` : `${shown} of ${Math.max(total, shown)}`}
        {of.isFetchNextPageError ? '; more could not be read' : ''}
      </Text>
      {of.hasNextPage ? (
        <Button
          variant="default"
          size="xs"
          aria-busy={of.isFetchingNextPage}
          // Not `loading`: a button that is disabled for a moment loses the focus of who goes by keys.
          onClick={() => (of.isFetchingNextPage ? undefined : of.fetchNextPage())}
        >
          {of.isFetchingNextPage ? 'Reading…' : 'Show more'}
        </Button>
      ) : null}
    </Group>
  );
}
