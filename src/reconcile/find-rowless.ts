/**
 * Looks through the open-claims index for markers whose row was never written. The index holds what is in flight or stuck,
 * so reading all of it that is older than the grace period is bounded, and no key is enumerated.
 * Invariants kept: (6) an entry is left alone for one grace period, by the marker Redis's clock; an entry is forgotten
 * only when its row is there (the reading takes over) or its marker is not its own any more.
 */
import { decodeOpenClaim, type OpenClaim } from '../domain/open-claim.ts';
import { isBad } from '../domain/verdict.ts';
import { raiseAlerts, resolveAlerts } from '../postgres/alert.ts';
import { recordRowless, type FoundRowless } from '../postgres/discrepancy.ts';
import { leaveIndex, readOpenClaims } from '../redis/open-claims.ts';
import { observeOpenClaims } from './observe-claims.ts';
import type { SourceContext } from './source-context.ts';
import { countRowless, type Tally } from './tally.ts';

const entriesPerLook = 500;

export interface RowlessRequest {
  readonly passId: string;
  /** Entries that are done with may be taken out of the index. */
  readonly mayForget: boolean;
}

/** Records what is new. Throws when a store cannot be read; what was recorded before is kept. */
export async function findRowless(
  context: SourceContext,
  { passId, mayForget }: RowlessRequest,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const { markers, limits, pool, source } = context;
  const range = { indexKey: context.openClaimsKey, ageMs: source.rules.graceMs, rowsMax: entriesPerLook };
  let unreadable = 0;
  let kept = 0;
  for (;;) {
    signal.throwIfAborted();
    const entries = await readOpenClaims(markers, { ...range, skip: kept }, limits.callTimeoutMs);
    const { found, done, strange } = await judgeEntries(
      context,
      entries.map(({ member }) => member),
    );
    const fresh = await recordRowless(pool, source.name, passId, found);
    countRowless(
      tally,
      found.filter(({ markerKey }) => fresh.includes(markerKey)).map(({ verdict }) => verdict),
    );
    if (mayForget && done.length > 0) await leaveIndex(markers, range.indexKey, done, limits.callTimeoutMs);
    unreadable += strange;
    kept += entries.length - (mayForget ? done.length : 0);
    if (entries.length < entriesPerLook) break;
  }
  await tellUnreadable(context, unreadable);
}

interface JudgedEntries {
  readonly found: FoundRowless[];
  /** Members of the index that are done with. */
  readonly done: string[];
  /** How many cannot be read. */
  readonly strange: number;
}

async function judgeEntries(context: SourceContext, members: readonly string[]): Promise<JudgedEntries> {
  const readable: { member: string; open: OpenClaim }[] = [];
  for (const member of members) {
    const open = decodeOpenClaim(member);
    if (open !== null) readable.push({ member, open });
  }
  const looks = await observeOpenClaims(
    context,
    readable.map(({ open }) => open),
  );
  const found: FoundRowless[] = [];
  const done: string[] = [];
  for (const [at, { member, open }] of readable.entries()) {
    const look = looks[at];
    if (look === undefined) continue;
    const { claim, marker, atMs, verdict } = look;
    if (!isBad(verdict)) done.push(member);
    // Recorded, it would be ignored, and recorded anew by every pass.
    else if (context.source.rules.policy[verdict] !== 'ignore')
      found.push({ markerKey: open.markerKey, verdict, evidence: { claim, marker, atMs } });
  }
  return { found, done, strange: members.length - readable.length };
}

async function tellUnreadable({ pool, source, openClaimsKey }: SourceContext, count: number): Promise<void> {
  const cause = `${source.name}:open_claims_index`;
  if (count === 0) {
    await resolveAlerts(pool, [cause]);
    return;
  }
  const summary =
    `${count} entries of the open-claims index ${openClaimsKey} cannot be read: another program wrote them. They ` +
    'were left as they are; look at them with ZRANGE and take out what does not belong there with ZREM.';
  await raiseAlerts(pool, [
    { cause, kind: 'open_claims_index', source: source.name, severity: 'warning', summary },
  ]);
}
