import type { ReactNode } from 'react';
import { useHostCounts } from '../api/hosts.ts';
import { count, plural } from './count.ts';
import { Empty } from './Page.tsx';

/** Said where nothing was found: good news only as far as somebody has looked. */
export function NothingFound({ title, hint }: { title: string; hint: ReactNode }) {
  const hosts = useHostCounts().data;
  if (hosts?.total === 0)
    return (
      <Empty
        title="Nothing was looked at yet"
        hint={
          <>
            No host is known, so nothing could be found. Tell Lastember where to look:{' '}
            <code>lastember scope add office 192.0.2.0/24</code>, then <code>lastember scan office</code>.
          </>
        }
      />
    );
  const blind = hosts ? hosts.total - hosts.managed : 0;
  if (!hosts || blind === 0) return <Empty title={title} hint={hint} />;
  return (
    <Empty
      title={blind === hosts.total ? `${title}, seen from outside only` : `${title}, as far as anybody looked`}
      hint={
        <>
          {blind === hosts.total ? 'None of' : `${blind} of`} {count(hosts.total, 'host')}{' '}
          {blind === hosts.total ? 'has an agent' : `${plural(blind, 'has', 'have')} no agent`}: what is on{' '}
          {plural(blind, 'it', 'them')} nobody has looked at. <code>lastember deploy --unknown</code> installs agents,{' '}
          <code>lastember audit</code> then looks. {hint}
        </>
      }
    />
  );
}
