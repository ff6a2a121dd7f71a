import * as z from 'zod';
import { AdvisoryId } from '../../../model/statement.ts';
import type { FeedMember } from './contract.ts';
import { unfit } from './unfit.ts';
import { jsonOf } from './unpack.ts';

const Catalog = z.object({
  dateReleased: z.string(),
  count: z.number().int(),
  vulnerabilities: z.array(
    z.object({
      cveID: AdvisoryId,
      dateAdded: z.string(),
      dueDate: z.string().optional(),
      vulnerabilityName: z.string(),
      knownRansomwareCampaignUse: z.string().optional(),
    }),
  ),
});

/** CISA's Known Exploited Vulnerabilities: by CVE number only, whatever product it names. */
export const kev: FeedMember = {
  info: { kind: 'kev', title: 'CISA Known Exploited Vulnerabilities', needs: {}, ownOf: null, covers: 'all' },
  url: () => 'https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json',
  parse(bytes) {
    const read = Catalog.safeParse(jsonOf(bytes));
    if (!read.success) throw new Error(unfit('it is no catalogue of known exploited vulnerabilities', read.error));
    const { dateReleased, count, vulnerabilities } = read.data;
    if (count !== vulnerabilities.length)
      throw new Error(`it says that it has ${count} vulnerabilities, and has ${vulnerabilities.length}`);
    const signals = vulnerabilities.map((one) => ({
      kind: 'kev' as const,
      cve: one.cveID,
      added: one.dateAdded,
      due: one.dueDate ?? null,
      ransomware: one.knownRansomwareCampaignUse === 'Known',
      title: one.vulnerabilityName,
    }));
    return { time: dateReleased, statements: [], signals };
  },
};
