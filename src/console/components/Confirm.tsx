import { Button, Group, Modal, Stack, type ButtonProps } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';

interface Props {
  /** on the button that asks */
  label: string;
  title: string;
  /** what will happen, and what cannot be taken back */
  children: ReactNode;
  /** on the button that does it: the verb, never "OK" */
  verb: string;
  onConfirm: () => void;
  loading?: boolean;
  variant?: ButtonProps['variant'];
  color?: string;
  size?: ButtonProps['size'];
  /** for who hears the button without its row */
  ariaLabel?: string;
}

/** A button for what cannot be taken back: it first says what will happen. */
export function Confirm({ label, title, children, verb, onConfirm, loading, variant, color, ...on }: Props) {
  const [open, modal] = useDisclosure();
  const confirm = (): void => {
    modal.close();
    onConfirm();
  };
  return (
    <>
      <Button
        variant={variant ?? 'default'}
        size={on.size ?? 'sm'}
        loading={loading ?? false}
        onClick={modal.open}
        aria-label={on.ariaLabel}
        style={{ flex: 'none' }}
      >
        {label}
      </Button>
      <Modal opened={open} onClose={modal.close} title={title} closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack>
          <div>{children}</div>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={modal.close} data-autofocus>
              Go back
            </Button>
            {/* The library's own shade of red is too light for white words. */}
            <Button {...(color ? { color: `${color}.9` } : {})} onClick={confirm}>
              {verb}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
