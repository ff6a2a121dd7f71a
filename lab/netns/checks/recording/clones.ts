/** What the server knows of machines that share an identity, kept as the other trials are. */
import type { LabServer } from '../../testing/served.ts';
import { KITS_DIR, loadKits } from '../../../../src/loop/audit/kit-tools/parse.ts';
import type { RecordedCase } from '../../../../src/loop/audit/kit-tools/recorded.ts';
import { type Identity, lyingOn } from '../../../../src/loop/audit/logic/identities.ts';
import type { Facts } from '../../../../src/model/facts.ts';
import type { Finding } from '../../../../src/model/finding.ts';
import { saidOf } from './cut.ts';
import { isRecording, keep, today } from './index.ts';
import { withoutMachine, withSteadyIds } from './steady.ts';

const KIT = 'cloned-identities';
export const CLONE_TRIAL = 'machines that share an identity';
/** Check → kind of identity. */
const KINDS = { 'ssh-host-key': 'ssh-host-key', 'machine-id': 'machine-id', 'agent-identity': 'agent' } as const;
export type CloneCheck = keyof typeof KINDS;

/** One check from the moment when it burns on a host until it passes there. */
export class CloneRecording {
  readonly #server: LabServer;
  readonly #host: string;
  readonly #check: CloneCheck;
  readonly #cases: RecordedCase[] = [];

  constructor(server: LabServer, host: string, check: CloneCheck) {
    this.#server = server;
    this.#host = host;
    this.#check = check;
  }

  async bad(): Promise<void> {
    if (!isRecording) return;
    const { id } = await this.#server.host(this.#host);
    const query = { kit: KIT, state: ['open' as const, 'rekindled' as const] };
    const { items } = await this.#server.operator.listFindings({ query });
    const finding = items.find((one) => one.check === this.#check && one.hostId === id);
    if (!finding) throw new Error(`${this.#check} does not burn on ${this.#host}.`);
    await this.#add('fail', 'made bad', [this.#identityOf(finding)]);
  }

  /** It passes, so nobody else has any of its own. */
  async good(): Promise<void> {
    if (!isRecording) return;
    const host = await this.#server.host(this.#host);
    const { items } = await this.#server.operator.getHostCompliance({ params: { id: host.id } });
    const verdict = items.find(({ kit, check }) => kit === KIT && check === this.#check)?.verdict;
    if (verdict !== 'pass') throw new Error(`${this.#check} is ${verdict ?? 'nothing'} on ${this.#host}.`);
    const kind = KINDS[this.#check];
    const own =
      kind === 'agent'
        ? [{ kind, value: host.agentId!, places: [] }]
        : (lyingOn({ facts: await this.#facts(host.id) }) ?? []).filter((one) => one.kind === kind);
    await this.#add(
      'pass',
      'put right',
      own.map((one) => ({ ...one, machines: [], records: [] })),
    );
    keep(`${KIT}/${this.#check}`, CLONE_TRIAL, this.#cases);
  }

  #identityOf({ component, evidence }: Pick<Finding, 'component' | 'evidence'>): Identity {
    const {
      places = [],
      machines = [],
      records = [],
    } = evidence as Partial<Record<'places' | 'machines' | 'records', string[]>>;
    return { kind: KINDS[this.#check], value: component, places, machines, records };
  }

  /** Those that the kit reads, without what has no part in it. */
  async #facts(id: string): Promise<Pick<Facts, 'os' | 'settings'>> {
    const { sections } = await this.#server.operator.getHostFacts({ params: { id } });
    const { os, settings } = sections as unknown as Facts;
    const { sshHostKeys = [] } = settings;
    return withoutMachine({ os, settings: { sshd: {}, sshHostKeys, sysctl: {}, users: [] } }, os.kernel);
  }

  async #add(expect: 'fail' | 'pass', state: RecordedCase['from']['state'], identities: Identity[]): Promise<void> {
    const { id } = await this.#server.host(this.#host);
    const facts = await this.#facts(id);
    const from = { system: facts.os.prettyName, host: this.#host, trial: CLONE_TRIAL, state, date: today() };
    const [first] = identities;
    const one = withSteadyIds({ from, expect, component: first?.value ?? '', facts, identities });
    const kit = loadKits(KITS_DIR).find((each) => each.kit.kit === KIT)!;
    const said = saidOf({ kit, check: this.#check, component: one.component }, one);
    if (said?.verdict !== expect)
      throw new Error(`${this.#check} is ${said?.verdict ?? 'nothing'} by what was recorded.`);
    this.#cases.push(one);
  }
}
