import * as z from 'zod';

/** How ports are tried: Node's sockets, the kernel's own calls in a thread, or single packets where permitted. */
export const ScanPath = z.enum(['portable', 'epoll', 'syn']);
export type ScanPath = z.infer<typeof ScanPath>;
