import { Anchor, Center } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Empty } from '../components/Page.tsx';
import { paths } from '../paths.ts';

export function NotFound() {
  return (
    <Center mih="60vh">
      <Empty
        title="There is no such page"
        hint={
          <Anchor component={Link} to={paths.overview()}>
            Back to the overview
          </Anchor>
        }
      />
    </Center>
  );
}
