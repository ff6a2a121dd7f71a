/** A text in a pattern of `like`, where it stands for itself. */
export const literal = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&');

/** What a text with this end begins with when it is read backwards: `reverse(id) like …` goes by an index. */
export const backwards = (end: string): string => `${literal([...end].toReversed().join(''))}%`;
