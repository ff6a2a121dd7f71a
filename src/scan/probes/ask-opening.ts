import { isAppError } from '../../model/errors/index.ts';
import { type Conversation, ConversationEnded } from '../scanner/conversation.ts';
import { type Answer, type Asking, converse, type Probe, type ProbeTarget } from './contract.ts';

/** Servers that speak first do so within a round trip; the rest wait for us. */
const GREETING_MS = 250;
/** To the first opening; a server that was slow once gets less patience afterwards. */
const FIRST_ANSWER_MS = 2500;
const ANSWER_MS = 800;
/** Where silence is likely. */
const GLANCE_MS = 500;
/** What comes in pieces comes in quick succession. */
const PIECE_MS = 60;
const MOST_BYTES = 16 * 1024;
/** A record header, or the start of a line: with less nobody can be told. */
const FEWEST_BYTES = 5;

/** What the server says unasked; where it waits, what it answers to the first opening, on the same connection. */
export function greet(
  target: ProbeTarget,
  first: Probe | undefined,
  whoSays: (greeting: Buffer) => Probe,
): Promise<void> {
  return converse(target, GREETING_MS + FIRST_ANSWER_MS, async (conversation) => {
    const unasked = await conversation.arrives(GREETING_MS);
    if (unasked) {
      target.heard.greeting = await collect(conversation);
      target.heard.hungUp = conversation.over;
      const { farewell } = whoSays(target.heard.greeting);
      if (farewell) await leave(conversation, farewell);
    } else if (conversation.over) target.heard.hungUp = true;
    else if (first?.asks)
      target.heard.answers.set(first.protocol, await say(conversation, first.asks, first.asks.opening(target)));
  });
}

/** Does it say anything at all: unasked, or after the first opening? A glance waits for a moment, `patient` as a whole look. */
export function answersAtAll(target: ProbeTarget, first: Probe | undefined, patient: boolean): Promise<boolean> {
  const answerMs = patient ? FIRST_ANSWER_MS : GLANCE_MS;
  return converse(target, GREETING_MS + answerMs, async (conversation) => {
    if (await conversation.arrives(GREETING_MS)) return true;
    if (!first?.asks || conversation.over) return false;
    conversation.write(first.asks.opening(target));
    return conversation.arrives(answerMs);
  });
}

/** The answer to a probe's opening, on a connection of its own; what was heard before is not asked again. */
export async function ask(target: ProbeTarget, probe: Probe): Promise<Answer> {
  const { answers } = target.heard;
  const opening = probe.asks!.opening(target);
  const same = [...answers.values()].find(({ to }) => to.equals(opening));
  const answer =
    answers.get(probe.protocol) ??
    same ??
    (await converse(target, ANSWER_MS, (open) => say(open, probe.asks!, opening)));
  answers.set(probe.protocol, answer);
  return answer;
}

async function leave(conversation: Conversation, { says, last }: NonNullable<Probe['farewell']>): Promise<void> {
  const goodbye = last((await say(conversation, {}, says)).bytes);
  if (goodbye) conversation.write(goodbye);
}

async function say(conversation: Conversation, { fewest }: Pick<Asking, 'fewest'>, opening: Buffer): Promise<Answer> {
  conversation.write(opening);
  const bytes = await collect(conversation, fewest);
  return { to: opening, bytes, ended: conversation.over };
}

async function collect(conversation: Conversation, fewest = FEWEST_BYTES): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  try {
    while (bytes.length < fewest || (bytes.length < MOST_BYTES && (await conversation.arrives(PIECE_MS)))) {
      bytes = Buffer.concat([bytes, await conversation.readSome()]);
    }
  } catch (error) {
    if (!(error instanceof ConversationEnded) && !isAppError(error)) throw error;
  }
  return bytes;
}
