/**
 * Settles what a plan does not repair: gone away, ignored by policy, told to people, looked at again later. In observe
 * mode the repairs are told to people too.
 * Invariant kept: an alert is stored before anybody is told; nothing repeats while the cause stays the same.
 */
import { markerKeyOf } from '../domain/claim.ts';
import type { BadVerdict } from '../domain/verdict.ts';
import { linkAlert, raiseAlerts, readScope, type Alert } from '../postgres/alert.ts';
import { inTransaction } from '../postgres/connect.ts';
import { postponeDiscrepancies, resolveDiscrepancies } from '../postgres/discrepancy.ts';
import { describeDiscrepancies, describeDoubleGrant, short, type AlertScope } from './describe-alert.ts';
import { postpone, type Plan, type PlannedCase } from './plan-repairs.ts';
import type { SourceContext } from './source-context.ts';

type Cause = BadVerdict | 'double_grant';

/** @param withheld repairs that the mode does not allow; told to people and postponed */
export async function settleOthers(
  context: SourceContext,
  plan: Plan,
  withheld: readonly PlannedCase[],
): Promise<void> {
  const { pool, source } = context;
  const told = [...plan.others, ...withheld].filter(({ decision }) => decision.kind !== 'ignore');
  const ignored = plan.others.filter(({ decision }) => decision.kind === 'ignore');
  if (told.length + ignored.length + plan.wentAway.length === 0) return;
  await inTransaction(pool, async (client) => {
    await resolveDiscrepancies(client, plan.wentAway, 'went_away');
    await resolveDiscrepancies(client, idsOf(ignored), 'ignored');
    for (const [cause, group] of groupByCause(source.name, told)) {
      const scope = await readScope(client, { source: source.name, cause }, idsOf(group));
      const [raised] = await raiseAlerts(client, [describe(source.name, cause, group, scope)]);
      if (raised !== undefined) await linkAlert(client, raised.id, idsOf(group));
    }
    await postponeDiscrepancies(
      client,
      told.map((planned) => postpone(planned, source.rules)),
    );
  });
}

/** One alert per source and verdict; a double grant is one per marker, since each is a hand-out too many. */
function groupByCause(source: string, told: readonly PlannedCase[]): Map<string, PlannedCase[]> {
  const groups = new Map<string, PlannedCase[]>();
  for (const planned of told) {
    const kind = kindOf(planned);
    if (kind === null) continue;
    const suffix = kind === 'double_grant' ? `:${keyOf(planned)}` : '';
    const cause = `${source}:${kind}${suffix}`;
    groups.set(cause, [...(groups.get(cause) ?? []), planned]);
  }
  return groups;
}

function kindOf({ decision, verdict }: PlannedCase): Cause | null {
  if (decision.kind === 'alert') return decision.cause;
  return decision.kind === 'repair' ? verdict : null;
}

function describe(source: string, cause: string, group: readonly PlannedCase[], scope: AlertScope): Alert {
  const first = group[0];
  const kind = first === undefined ? null : kindOf(first);
  if (first === undefined || kind === null) throw new TypeError('a cause without a case');
  if (kind === 'double_grant') {
    const { discrepancy, rivalId } = first;
    const one = discrepancy.claimId === null ? 'an attempt without a row' : subjectOf(first);
    const other =
      rivalId === null ? 'the attempt that the marker holds, which has no row' : `claim ${short(rivalId)}`;
    const summary = describeDoubleGrant(source, keyOf(first), one, other);
    return { cause, kind, source, severity: 'critical', summary };
  }
  const subjects = group.every(({ discrepancy }) => discrepancy.claimId !== null) ? 'claims' : 'markers';
  const summary = describeDiscrepancies(source, kind, scope, subjects, subjectOf(first));
  return { cause, kind, source, severity: 'warning', summary };
}

function subjectOf(planned: PlannedCase): string {
  const { claimId } = planned.discrepancy;
  return claimId === null ? `marker ${short(keyOf(planned))}` : `claim ${short(claimId)}`;
}

function keyOf({ look }: PlannedCase): string {
  return markerKeyOf(look.claim) ?? '';
}

function idsOf(cases: readonly PlannedCase[]): string[] {
  return cases.map(({ discrepancy }) => discrepancy.id);
}
