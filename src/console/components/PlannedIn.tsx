import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { paths } from '../paths.ts';

/** The change that ends it. */
export function PlannedIn({ id }: { id: string }) {
  return (
    <Anchor component={Link} to={paths.change(id)} size="xs" display="block">
      planned in a change
    </Anchor>
  );
}
