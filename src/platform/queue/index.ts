export { createQueue, installQueue, type JobQueue, type Schedule } from './queue.ts';
export type { Pending } from './send.ts';
