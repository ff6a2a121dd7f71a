import type { ServiceProbe } from '../../model/probe.ts';
import { type Conversation, ConversationEnded } from '../scanner/conversation.ts';
import { converse, type Probe, type ProbeTarget } from './contract.ts';
import { serviceResult, stopped } from './service-result.ts';
import { rdpOpening, rdpStarttls, RDP_LAYER, readTpkt } from './starttls/dialogues.ts';
import { withTls } from './starttls/index.ts';

const DEADLINE_MS = 4000;
/** [MS-RDPBCGR] 2.2.1.2.2: why a layer was refused. */
const WANTS_NLA = 5;
const CONFIRM = 0xd0;
const NEGOTIATED = 2;
const FAILED = 3;

const isConfirm = (bytes: Buffer): boolean =>
  bytes.length >= 11 && bytes[0] === 3 && bytes[1] === 0 && bytes[5] === CONFIRM && bytes.readUInt16BE(2) >= 11;

interface Layer {
  /** taken as offered */
  taken: boolean;
  failure: number | null;
}

/** What became of an offer: `no` from a server that hung up on it, `untold` where no answer came in time. */
type Told = Layer | 'no' | 'untold';

async function offer(conversation: Conversation, layer: number): Promise<Told> {
  conversation.write(rdpOpening(layer));
  const confirm = await readTpkt(conversation);
  if (!isConfirm(confirm)) return 'untold';
  // Without an answer to the offer it is from before there were layers: the standard one.
  if (confirm.length < 19) return { taken: layer === RDP_LAYER.standard, failure: null };
  if (confirm[11] === FAILED) return { taken: false, failure: confirm[15]! };
  return { taken: confirm[11] === NEGOTIATED && confirm[15] === layer, failure: null };
}

/** That we could not connect is no answer, and ends the look. */
async function tryLayer(target: ProbeTarget, layer: number): Promise<Told> {
  try {
    return await converse(target, DEADLINE_MS, (conversation) => offer(conversation, layer));
  } catch (error) {
    if (!(error instanceof ConversationEnded)) throw error;
    return error.ended === 'closed' ? 'no' : 'untold';
  }
}

/** Desktops: which security layers it takes, the certificate behind TLS. No credentials are begun. */
export const rdpProbe: Probe = {
  protocol: 'rdp',
  ports: [3389],
  asks: { opening: () => rdpOpening(RDP_LAYER.tls | RDP_LAYER.nla), knows: isConfirm },
  recognises: () => false,
  probe: async (target) => {
    const standard = await tryLayer(target, RDP_LAYER.standard);
    const tls = await tryLayer(target, RDP_LAYER.tls);
    const nla = await tryLayer(target, RDP_LAYER.nla);
    if ([standard, tls, nla].every((told) => typeof told === 'string'))
      throw stopped(target, 'rdp', 'no connection was confirmed');
    const result = resultOf(target, { standard, tls, nla });
    return withTls(result, target, { offered: tls === 'untold' ? null : takesIt(tls), dialogue: rdpStarttls });
  },
};

const takesIt = (told: Told): boolean => typeof told !== 'string' && told.taken;

interface Layers {
  standard: Told;
  tls: Told;
  nla: Told;
}

function resultOf(target: ProbeTarget, { standard, tls, nla }: Layers): ServiceProbe {
  const takes = { standard: takesIt(standard), TLS: takesIt(tls), NLA: takesIt(nla) };
  const layers = Object.entries(takes).flatMap(([name, taken]) => (taken ? [name] : []));
  const isNlaOnly = layers.join('') === 'NLA' && standard !== 'untold' && tls !== 'untold';
  const saysSo = typeof standard !== 'string' && standard.failure === WANTS_NLA;
  const wantsCredentials = isNlaOnly || saysSo;
  const windows = takes.NLA ? 'Microsoft Terminal Services' : undefined;
  return serviceResult('rdp', {
    product: isXrdp(target.greeting, takes.NLA) ? 'xrdp' : windows,
    access: wantsCredentials ? 'refused' : 'unknown',
    what: wantsCredentials
      ? 'it asks for credentials before it shows anything (NLA)'
      : takes.standard || takes.TLS
        ? 'it shows its login screen to whoever connects; whether that lets in was not tried'
        : 'whether it takes anybody without credentials was not answered',
    details: { layers: layers.join(', ') },
  });
}

/** Windows has taken NLA since Vista; of those that do not, xrdp sets this one flag in its answer ([MS-RDPBCGR] 2.2.1.2.1). */
const isXrdp = (confirm: Buffer, nla: boolean): boolean =>
  !nla && confirm.length >= 19 && confirm[11] === NEGOTIATED && confirm[12] === 1;
