import { productBy, type Signature } from '../logic/products.ts';
import type { Probe } from './contract.ts';
import { NotItsProtocol, readUntil, serviceResult, talk } from './service-result.ts';
import { say } from './starttls/replies.ts';

const DEADLINE_MS = 4000;

const PRODUCTS: readonly Signature[] = [
  ['ngIRCd', /ngircd(?:-(\d[\w.]*))?|Connection not registered\r?\n/i],
  ['UnrealIRCd', /UnrealIRCd?-?([\d.]+)?/i],
  ['InspIRCd', /InspIRCd-?([\d.]+)?/i],
];

/** Chat of the older kind: what it says to somebody who has not registered. */
export const ircProbe: Probe = {
  protocol: 'irc',
  ports: [6660, 6665, 6666, 6667, 6668, 6669, 6697, 7000],
  asks: { opening: () => Buffer.from('VERSION\r\n'), knows: (answer) => isIrc(answer.toString('latin1')) },
  recognises: (greeting) => isIrc(greeting.toString('latin1')),
  probe: async (target) => {
    const said = await talk(target, 'irc', DEADLINE_MS, async (conversation) => {
      say(conversation, 'VERSION');
      const whole = (bytes: Buffer): boolean =>
        /(^|\n)(:\S+ )?(451|351|421|ERROR) ?.*\r?\n/.test(bytes.toString('latin1'));
      return (await readUntil(conversation, whole, 8192)).toString('latin1');
    });
    if (!isIrc(said)) throw new NotItsProtocol(target, 'irc', 'the answer was not IRC');
    return serviceResult('irc', {
      ...productBy(PRODUCTS, said),
      access: 'unknown',
      what: 'it asks whoever connects to register first; nobody was registered',
      details: { server: /(?:^|\n):(\S+) /.exec(said)?.[1] },
    });
  },
};

/** Numbers only with a server's name before them, as files and mail have the same: `421` is "too busy" there. */
const isIrc = (said: string): boolean =>
  /^(?:(:\S+ )?(NOTICE (AUTH|\*) |ERROR :)|:\S+ (451|421|351|439|020) |451 \* :Connection not registered)/m.test(
    said,
  ) && !said.startsWith('HTTP/');
