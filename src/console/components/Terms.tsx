import type { ReactNode } from 'react';
import './terms.css';

/** Names and what they stand for, side by side; below each other where it is narrow. */
export function Terms({ items }: { items: (readonly [name: string, value: ReactNode] | null)[] }) {
  return (
    <dl className="terms">
      {items
        .filter((item) => item !== null)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
