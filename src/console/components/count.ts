/** "1 host", "2 hosts". */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** The noun or verb alone, where the number stands elsewhere. */
export const plural = (n: number, one: string, many = `${one}s`): string => (n === 1 ? one : many);
