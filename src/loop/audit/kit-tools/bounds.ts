import { AppError } from '../../../model/errors/index.ts';

export const MOST_FILES = 1000;
const LARGEST_FILE = 256 * 1024;
export const LARGEST_KIT = 8 * 1024 * 1024;

export const refused = (source: string, why: string): AppError => new AppError('KIT_SOURCE', { source, why });

export function checkSize(source: string, name: string, size: number): void {
  if (size > LARGEST_FILE) throw refused(source, `${name} is larger than ${LARGEST_FILE} bytes`);
}
