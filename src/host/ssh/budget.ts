import { AppError } from '../../model/errors/index.ts';

/** More than all that a look reads of a host with a thousand programs. */
const BYTES = 1024 * 1024 * 1024;

/** What one connection may bring in: a host could send without end, and all of it would be kept until it is read. */
export class Budget {
  #bytes: number;

  constructor(bytes = BYTES) {
    this.#bytes = bytes;
  }

  spend(bytes: number, doing: string, path: string): void {
    this.#bytes -= bytes;
    if (this.#bytes < 0)
      throw new AppError('HOST_FILE', { doing, path, why: 'more was read over this connection than any host has' });
  }
}
