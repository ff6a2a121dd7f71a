import type { ReactNode } from 'react';
import './fold.css';

/** Details that are there for who wants them; the browser's own, so keyboard, search and print know it. */
export function Fold({ title, open = false, children }: { title: ReactNode; open?: boolean; children: ReactNode }) {
  return (
    <details className="fold" open={open}>
      <summary>{title}</summary>
      <div className="fold-body">{children}</div>
    </details>
  );
}
