/** Logins that are used for one deployment are known by their names, which nobody else can give them by chance. */
const NAME = /^once-[0-9a-z]{26}$/;

/** `id`: a new one of the platform. */
export const onceName = (id: string): string => `once-${id.slice(id.indexOf('_') + 1)}`;
export const isOnce = (name: string): boolean => NAME.test(name);
