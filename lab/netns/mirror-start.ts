import type { Archive } from './archive.ts';
import type { Place } from './place.ts';

export async function startMirror(_place: Place, _archive: Archive): Promise<void> {}
