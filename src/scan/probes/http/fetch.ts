import type { ServiceProtocol } from '../../../model/probe.ts';
import type { ProbeTarget } from '../contract.ts';
import { readUntil, talk } from '../service-result.ts';
import { type HttpAnswer, httpGet, parseAnswer } from './wire.ts';

const ANSWER_MS = 4000;

/** The answer to one request, by default a GET of `path`; null: what came was not HTTP. */
export function fetchAnswer(
  target: ProbeTarget,
  protocol: ServiceProtocol,
  path: string,
  request: Buffer = httpGet(target, path),
): Promise<HttpAnswer | null> {
  return talk(target, protocol, ANSWER_MS, async (conversation) => {
    conversation.write(request);
    const bytes = await readUntil(conversation, (soFar) => parseAnswer(soFar)?.whole ?? false);
    return parseAnswer(bytes, conversation.over);
  });
}
