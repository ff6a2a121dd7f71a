import { Code } from '@mantine/core';
import type { ReactNode } from 'react';
import type { NameOf } from './entry.ts';
import { factsOf } from './facts.ts';
import { Fold } from './Fold.tsx';
import { Terms } from './Terms.tsx';
import { Time } from './Time.tsx';

interface Props {
  of: unknown;
  /** the JSON behind it, when that is more than what is shown */
  raw?: unknown;
  nameOf?: NameOf;
}

/** Free-form values as a list to read: names for ids, where they are known. */
export function Facts({ of, raw = of, nameOf = () => undefined }: Props) {
  return (
    <>
      <Terms items={factsOf(of).map(({ name, value }) => [name, shown(value.replace(ID, (id) => nameOf(id) ?? id))])} />
      <Fold title="Raw JSON">
        <Code block className="raw">
          {JSON.stringify(raw, null, 2)}
        </Code>
      </Fold>
    </>
  );
}

const ID = /\b[a-z]+_[0-9a-z]{26}\b/g;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
/** Digests, keys, paths: read letter by letter. */
const LETTERS = /^[0-9a-f]{16,}$|^\//i;

function shown(value: string): ReactNode {
  if (INSTANT.test(value)) return <Time at={value} mode="date" />;
  return LETTERS.test(value) ? <span className="mono">{value}</span> : value;
}
