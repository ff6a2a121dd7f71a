import { Button } from '@mantine/core';
import type { ReactNode } from 'react';

/** Text that opens something here; what leads to another page is a link. */
export function TextButton({ onClick, children }: { onClick: () => void; children: ReactNode }) {
  return (
    <Button
      variant="transparent"
      size="compact-sm"
      p={0}
      h="auto"
      styles={{ label: { whiteSpace: 'normal', textAlign: 'left' } }}
      onClick={onClick}
    >
      {children}
    </Button>
  );
}
