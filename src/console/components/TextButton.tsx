import { Anchor } from '@mantine/core';
import type { ReactNode } from 'react';

/** Text that opens something here; what leads to another page is a link. */
export function TextButton({ onClick, children }: { onClick: () => void; children: ReactNode }) {
  return (
    <Anchor
      component="button"
      type="button"
      inherit
      lh={1.4}
      ta="left"
      style={{ overflowWrap: 'break-word' }}
      onClick={onClick}
    >
      {children}
    </Anchor>
  );
}
