/** One status of one package, as Red Hat's documents have it. */
export interface Line {
  /** CPE of the product */
  in: string;
  /** its id, where that tells more */
  product?: string;
  module?: string;
  purl: string;
  status: 'fixed' | 'known_affected' | 'known_not_affected' | 'under_investigation';
  none?: readonly [category: string, details: string];
  flag?: string;
  erratum?: string;
}

export const rhel = (release: number): string => `cpe:/a:redhat:enterprise_linux:${release}::appstream`;

/** A VEX document in the shape of Red Hat's: products, packages, modules, and how they belong together. */
export function vex(cve: string, lines: readonly Line[], time = '2026-11-01T10:00:00+00:00'): object {
  const product = (id: string, helper: object): object => ({
    category: 'product_version',
    name: id,
    product: { name: id, product_id: id, product_identification_helper: helper },
  });
  const relation = (id: string, what: string, where: string): object => ({
    category: 'default_component_of',
    full_product_name: { name: id, product_id: id },
    product_reference: what,
    relates_to_product_reference: where,
  });
  const rows = lines.map(({ product: own, ...line }) => {
    const system = own ?? line.in;
    const where = line.module === undefined ? system : `${system}:${line.module}`;
    return { ...line, system, where, id: `${where}:${line.purl}` };
  });
  const ids = (status: Line['status']): string[] => rows.filter((row) => row.status === status).map(({ id }) => id);
  return {
    document: { category: 'csaf_vex', tracking: { id: cve, status: 'final', current_release_date: time } },
    product_tree: {
      branches: [
        {
          category: 'vendor',
          name: 'Red Hat',
          branches: rows.flatMap((row) => [
            product(row.system, { cpe: row.in }),
            ...(row.module ? [product(row.module, { purl: `pkg:rpmmod/redhat/${row.module}` })] : []),
            product(row.purl, { purl: `pkg:rpm/redhat/${row.purl}` }),
          ]),
        },
      ],
      relationships: rows.flatMap((row) => [
        ...(row.module ? [relation(row.where, row.module, row.system)] : []),
        relation(row.id, row.purl, row.where),
      ]),
    },
    vulnerabilities: [
      {
        cve,
        product_status: {
          fixed: ids('fixed'),
          known_affected: ids('known_affected'),
          known_not_affected: ids('known_not_affected'),
          under_investigation: ids('under_investigation'),
        },
        flags: rows.flatMap(({ flag, id }) => (flag ? [{ label: flag, product_ids: [id] }] : [])),
        remediations: rows.flatMap(({ none, erratum, id }) => [
          ...(none ? [{ category: none[0], details: none[1], product_ids: [id] }] : []),
          ...(erratum
            ? [{ category: 'vendor_fix', url: `https://access.redhat.com/errata/${erratum}`, product_ids: [id] }]
            : []),
        ]),
        threats: [{ category: 'impact', details: 'Moderate', product_ids: rows.map(({ id }) => id) }],
      },
    ],
  };
}
