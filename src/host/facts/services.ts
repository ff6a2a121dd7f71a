import { AppError } from '../../model/errors/index.ts';
import { by, type FactSection } from './look.ts';
import { services as read, units } from './shared.ts';

/** Services of systemd, OpenRC or init scripts, with the files that they or their own settings name. */
export const services: FactSection<'services'> = {
  name: 'services',
  version: 2,
  async collect(look) {
    // Without an answer the services are unknown, which is not the same as none.
    if ((await units(look)) === null) throw new AppError('HOST_NO_SERVICES');
    return [...(await read(look))].sort(by((fact) => fact.name));
  },
};
