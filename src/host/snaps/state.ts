import * as z from 'zod';

/** snapd writes them as texts, and wrote them as numbers once. */
const Revision = z.union([z.string().regex(/^x?\d{1,12}$/), z.int()]).transform(String);
const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

const State = z.object({
  data: z.object({
    snaps: z
      .record(
        z.string().regex(NAME),
        z.object({
          type: z.string().max(40).optional(),
          sequence: z
            .array(z.object({ 'snap-id': z.string().optional(), revision: Revision }))
            .max(1000)
            .nullish(),
          active: z.boolean().optional(),
          current: Revision,
          channel: z.string().max(200).optional(),
          devmode: z.boolean().optional(),
          classic: z.boolean().optional(),
        }),
      )
      .nullish(),
  }),
});

/** What snapd itself notes of one installed snap. */
export interface Installed {
  name: string;
  revision: string;
  /** as the store knows it; null: it is not from there */
  id: string | null;
  type: string | null;
  channel: string | null;
  confinement: 'strict' | 'classic' | 'devmode' | null;
  active: boolean | null;
}

/** snapd's own notes (`state.json`); throws what is wrong with them. */
export function parseState(text: string): Installed[] {
  const parsed = State.safeParse(JSON.parse(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${issue!.path.join('.') || 'it'}: ${issue!.message}`);
  }
  return Object.entries(parsed.data.data.snaps ?? {}).map(([name, one]): Installed => ({
    name,
    revision: one.current,
    id: one.sequence?.find(({ revision }) => revision === one.current)?.['snap-id'] || null,
    type: one.type ?? null,
    channel: one.channel || null,
    confinement: one.classic ? 'classic' : one.devmode ? 'devmode' : 'strict',
    active: one.active ?? false,
  }));
}

/** Names of the files that installed snaps lie in, `NAME_REVISION.snap` → names. */
export const namesOfFiles = (files: readonly string[]): string[] => [
  ...new Set(files.flatMap((file) => /^([a-z0-9_-]{1,64})_x?\d{1,12}\.snap$/.exec(file)?.[1] ?? [])),
];

/** A revision as a link or a path writes it. */
export const isRevision = (text: string): boolean => /^x?\d{1,12}$/.test(text);
