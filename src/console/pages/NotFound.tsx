import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Page } from '../components/Page.tsx';
import { paths } from '../paths.ts';

/** Of a kind of thing that there is a list of. */
export function NoSuch({ what, to }: { what: string; to: string }) {
  return (
    <Page title={`There is no such ${what}`} lead="The address may be mistyped, or what it led to is gone.">
      <Anchor component={Link} to={to}>
        To all {what}s
      </Anchor>
    </Page>
  );
}

export function NotFound() {
  return (
    <Page title="There is no such page" lead="The address may be mistyped, or what it led to is gone.">
      <Anchor component={Link} to={paths.overview()}>
        To the overview
      </Anchor>
    </Page>
  );
}
