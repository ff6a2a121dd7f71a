import type { ServiceProbe } from '../../model/probe.ts';
import type { Conversation } from '../scanner/conversation.ts';
import type { Probe, ProbeTarget } from './contract.ts';
import { serviceResult, stopped, talk } from './service-result.ts';
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

async function offer(conversation: Conversation, layer: number): Promise<Layer | null> {
  conversation.write(rdpOpening(layer));
  const confirm = await readTpkt(conversation);
  if (!isConfirm(confirm)) return null;
  // Without an answer to the offer it is from before there were layers: the standard one.
  if (confirm.length < 19) return { taken: layer === RDP_LAYER.standard, failure: null };
  if (confirm[11] === FAILED) return { taken: false, failure: confirm[15]! };
  return { taken: confirm[11] === NEGOTIATED && confirm[15] === layer, failure: null };
}

/** A server that hangs up on an offer does not take it. */
const tryLayer = (target: ProbeTarget, layer: number): Promise<Layer | null> =>
  talk(target, 'rdp', DEADLINE_MS, (conversation) => offer(conversation, layer)).catch(() => null);

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
    if (!standard && !tls && !nla) throw stopped(target, 'rdp', 'no connection was confirmed');
    const result = resultOf(target, { standard, tls, nla });
    return withTls(result, target, { offered: tls?.taken ?? false, dialogue: rdpStarttls });
  },
};

const takesIt = (layer: Layer | null): boolean => layer?.taken ?? false;

interface Layers {
  standard: Layer | null;
  tls: Layer | null;
  nla: Layer | null;
}

function resultOf(target: ProbeTarget, { standard, tls, nla }: Layers): ServiceProbe {
  const takes = { standard: takesIt(standard), TLS: takesIt(tls), NLA: takesIt(nla) };
  const layers = Object.entries(takes).flatMap(([name, taken]) => (taken ? [name] : []));
  const wantsCredentials = layers.join('') === 'NLA' || standard?.failure === WANTS_NLA;
  const windows = takes.NLA ? 'Microsoft Terminal Services' : undefined;
  return serviceResult('rdp', {
    product: isXrdp(target.greeting, takes.NLA) ? 'xrdp' : windows,
    access: wantsCredentials ? 'refused' : 'unknown',
    what: wantsCredentials
      ? 'it asks for credentials before it shows anything (NLA)'
      : 'it shows its login screen to whoever connects; whether that lets in was not tried',
    details: { layers: layers.join(', ') },
  });
}

/** Windows has taken NLA since Vista; of those that do not, xrdp sets this one flag in its answer ([MS-RDPBCGR] 2.2.1.2.1). */
const isXrdp = (confirm: Buffer, nla: boolean): boolean =>
  !nla && confirm.length >= 19 && confirm[11] === NEGOTIATED && confirm[12] === 1;
