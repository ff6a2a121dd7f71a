import type { Notice, NoticeTopic } from '../../../model/notice.ts';
import { TOPIC_WORDS } from '../../../model/notice.ts';
import { oneLine } from '../../../model/text.ts';
import type { Entry } from '../../../model/trail.ts';

/** An entry at its place. */
export interface Placed {
  index: number;
  entry: Entry;
}

/** Which types of entries are news of which topic. */
const TYPES: Record<NoticeTopic, readonly string[]> = {
  'unknown-host': ['discovery.host.found'],
  'cloned-host': ['discovery.host.split'],
  blind: ['discovery.source.failed', 'enrollment.access.lost'],
  'agent-lost': ['enrollment.agent.lost'],
  findings: ['audit.findings.opened'],
  rekindled: ['audit.findings.rekindled', 'change.campaign.rekindled'],
  approval: ['change.plan.made', 'enrollment.deployment.planned'],
  'rollout-stopped': ['change.wave.stopped', 'enrollment.update.stopped'],
  'trail-alarm': ['trail.alarm.raised'],
};

/** What takes a host's news back while it is gathered: somebody has said what it is, or it is none of its own. */
const SETTLED = ['discovery.host.claimed', 'discovery.host.ignored', 'discovery.host.merged'];

/** Entries that have to be read to make a message of these topics. */
export function typesOf(topics: readonly NoticeTopic[]): string[] {
  const own = topics.flatMap((topic) => TYPES[topic]);
  return topics.includes('unknown-host') ? [...own, ...SETTLED] : own;
}

interface News extends Placed {
  topic: NoticeTopic;
}

const detailOf = ({ detail }: Entry): Record<string, unknown> =>
  detail !== null && typeof detail === 'object' && !Array.isArray(detail) ? detail : {};

/** What of these entries is news, in order. A host that was claimed meanwhile is none. */
export function newsOf(entries: readonly Placed[], topics: readonly NoticeTopic[]): News[] {
  const settled = new Map<string, number>();
  for (const { index, entry } of entries.filter((placed) => SETTLED.includes(placed.entry.type)))
    for (const { kind, id } of [entry.subject, ...entry.related]) if (kind === 'host') settled.set(id, index);
  return entries.flatMap((placed): News[] => {
    const topic = topics.find((one) => TYPES[one].includes(placed.entry.type));
    if (!topic) return [];
    if (topic !== 'unknown-host') return [{ ...placed, topic }];
    const over = (settled.get(placed.entry.subject.id) ?? -1) > placed.index;
    return detailOf(placed.entry)['claim'] === 'unknown' && !over ? [{ ...placed, topic }] : [];
  });
}

/** Nothing more has come for so long: what there is goes out. */
export const QUIET_SECONDS = 60;

/** Whether a message is due: it has been quiet for a while, or the first news has waited long enough. */
export function isDue(news: readonly Placed[], gatherSeconds: number, now: Date): boolean {
  const first = news[0];
  if (!first) return false;
  const age = (entry: Entry): number => (now.getTime() - Date.parse(entry.at)) / 1000;
  return age(first.entry) >= gatherSeconds || age(news.at(-1)!.entry) >= QUIET_SECONDS;
}

const SHOWN = 25;
const LONGEST_LINE = 300;

/** One message of all of it. The same entries make the same message. */
export function noticeOf(
  id: string,
  news: readonly News[],
  span: { from: number; until: number },
  at: Date,
  url: string | null,
): Notice {
  const counts: Partial<Record<NoticeTopic, number>> = {};
  for (const { topic } of news) counts[topic] = (counts[topic] ?? 0) + 1;
  const events = news.slice(0, SHOWN).map(({ topic, index, entry }) => ({
    topic,
    index,
    at: entry.at,
    subject: entry.subject,
    text: lineOf(entry, topic),
  }));
  const more = news.length - events.length;
  const title = titleOf(counts);
  const text = [
    title,
    ...events.map((event) => `- ${event.text}`),
    ...(more > 0 ? [`… and ${more} more`] : []),
    ...(url ? [url] : []),
  ].join('\n');
  return { format: 'lastember/notice/v1', id, at: at.toISOString(), title, text, counts, events, more, ...span, url };
}

const NOUNS: Record<NoticeTopic, [one: string, many: string]> = {
  'unknown-host': ['new unknown host', 'new unknown hosts'],
  'cloned-host': ['cloned identity', 'cloned identities'],
  blind: ['blind spot', 'blind spots'],
  'agent-lost': ['silent agent', 'silent agents'],
  findings: ['batch of new findings', 'batches of new findings'],
  rekindled: ['return of what was fixed', 'returns of what was fixed'],
  approval: ['plan to approve', 'plans to approve'],
  'rollout-stopped': ['stopped rollout', 'stopped rollouts'],
  'trail-alarm': ['alarm about the trail', 'alarms about the trail'],
};

function titleOf(counts: Partial<Record<NoticeTopic, number>>): string {
  const parts = Object.entries(counts).map(([topic, n]) => `${n} ${NOUNS[topic as NoticeTopic][n === 1 ? 0 : 1]}`);
  return `Lastember: ${parts.join(', ')}`;
}

/** Names come from strangers: one line each, and nothing in it that a chat or a terminal would follow. */
function lineOf(entry: Entry, topic: NoticeTopic): string {
  const detail = detailOf(entry);
  const name = entry.subject.name ?? entry.subject.id;
  const texts = (value: unknown): string[] =>
    Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  const places = texts(detail['addresses']).filter((address) => address !== name);
  const about = [
    places.length > 0 ? `at ${places.join(', ')}` : '',
    texts(detail['sources']).length > 0 ? `seen by ${texts(detail['sources']).join(', ')}` : '',
    typeof detail['guess'] === 'string' ? `looks like ${detail['guess']}` : '',
    typeof detail['why'] === 'string' && topic !== 'unknown-host' ? detail['why'] : '',
    typeof detail['error'] === 'string' ? detail['error'] : '',
    entry.reason ?? '',
  ].filter((part) => part !== '');
  const words = topic === 'unknown-host' ? '' : `${TOPIC_WORDS[topic]}: `;
  return oneLine(`${words}${name}${about.length > 0 ? ` (${about.join('; ')})` : ''}`, LONGEST_LINE);
}
