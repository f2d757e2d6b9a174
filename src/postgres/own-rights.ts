/**
 * What the role that the program runs as needs in its own schema, table by table, and not more: it cannot change what was
 * migrated, nor delete an alert. Repairs and discrepancies are deleted for the canary only. `migrate` needs more, and can be run by another role.
 * Invariant kept: a right is in this list if and only if a statement of the program uses it (`test/ops/rights.test.ts`).
 */

const all = ['select', 'insert', 'update', 'delete'] as const;
const kept = ['select', 'insert', 'update'] as const;

/** By the name of the table in the schema `reconciler`. */
export const ownRights: Readonly<Record<string, readonly (typeof all)[number][]>> = {
  alert: kept,
  alert_delivery: kept,
  alert_receiver: ['select', 'insert'],
  brake: kept,
  canary_claim: all,
  canary_round: all,
  checkpoint: kept,
  chunk: all,
  discrepancy: all,
  horizon_sample: ['select', 'insert', 'delete'],
  lease_term: ['select', 'insert', 'delete'],
  migration: ['select'],
  pass: all,
  repair: all,
  report: all,
  slot: ['select', 'insert', 'delete'],
};

/**
 * Rights that are needed and not held: tables by the rights that they lack, such as `select, insert`. Tables that are not
 * there yet are passed over.
 */
export function missingRights(held: Readonly<Record<string, readonly string[]>>): Map<string, string[]> {
  const lacking = new Map<string, string[]>();
  for (const table of Object.keys(held).sort()) {
    const rights = (ownRights[table] ?? []).filter((right) => !held[table]?.includes(right)).join(', ');
    if (rights !== '') lacking.set(rights, [...(lacking.get(rights) ?? []), table]);
  }
  return lacking;
}
