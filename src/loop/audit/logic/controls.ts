import { Framework, type Kit } from '../../../model/kit.ts';

export interface ServedControl {
  framework: Framework;
  id: string;
  checks: { kit: string; check: string; title: string; remediation: boolean }[];
}

/** Every control that some check serves, in the order of its catalogue. */
export function controlsOf(kits: readonly Kit[]): ServedControl[] {
  const found = new Map<string, ServedControl>();
  for (const { framework, id, check } of kits.flatMap(claims)) {
    const key = `${framework} ${id}`;
    const one = found.get(key) ?? { framework, id, checks: [] };
    found.set(key, one);
    one.checks.push(check);
  }
  return [...found.values()].toSorted(inOrder);
}

function claims({ kit, checks, remediate }: Kit) {
  const fixed = new Set(remediate.flatMap((one) => one.fixes));
  return checks.flatMap(({ id: check, title, controls }) =>
    Framework.options.flatMap((framework) =>
      (controls[framework] ?? []).map((id) => {
        return { framework, id, check: { kit, check, title, remediation: fixed.has(check) } };
      }),
    ),
  );
}

/** 2.10 comes after 2.9, and AC-2(10) after AC-2(9). */
function inOrder(a: ServedControl, b: ServedControl): number {
  if (a.framework !== b.framework) return a.framework < b.framework ? -1 : 1;
  const [left, right] = [a, b].map(({ id }) => id.match(/\d+|[A-Z]+/g) ?? []);
  for (let at = 0; at < Math.max(left!.length, right!.length); at += 1) {
    const [one = '', other = ''] = [left![at], right![at]];
    if (one === other) continue;
    const numbers = Number(one) - Number(other);
    if (one === '' || other === '') return one === '' ? -1 : 1;
    return Number.isNaN(numbers) ? (one < other ? -1 : 1) : numbers;
  }
  return 0;
}
