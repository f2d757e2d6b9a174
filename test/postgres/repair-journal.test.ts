/**
 * The journal: written before the change, under the term and the brake; an outcome is written once.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { MarkerChange } from '../../src/domain/repair-action.ts';
import { readBrake } from '../../src/postgres/brake.ts';
import { takeCheckpoint } from '../../src/postgres/checkpoint.ts';
import {
  finishRepairs,
  intendedMarker,
  intendRepairs,
  readInterrupted,
  readUndoable,
  sourceOf,
  type FinishedRepair,
  type IntendedRepair,
} from '../../src/postgres/repair-journal.ts';
import { admissionOf, evidenceOf, recordFound, repairOf, source } from './discrepancies.ts';
import { claimSql, useShopClaims } from './shop-claims.ts';

const shop = useShopClaims();
const many = Array.from({ length: 12 }, (_, at) => String(at + 1));

let passId: string;
beforeEach(async () => {
  passId = await recordFound(shop.pool(), ...many);
  await begin('1');
});

async function begin(fencingToken: string): Promise<void> {
  await takeCheckpoint(shop.pool(), claimSql(), fencingToken, { runId: 'r', replicationId: 'p', flushes: 0 });
}

async function intend(repairs: readonly IntendedRepair[], fencingToken = '1'): Promise<string[] | null> {
  const admission = admissionOf(0, { by: 'alice' });
  return intendRepairs(shop.pool(), { admission, passId, fencingToken }, repairs);
}

async function finish(...finished: (Partial<FinishedRepair> & { id: string })[]): Promise<void> {
  const rest = { outcome: 'applied', after: null, note: null } as const;
  await finishRepairs(
    shop.pool(),
    finished.map((one) => ({ ...rest, ...one })),
  );
}

async function outcomes(): Promise<string[]> {
  const rows = await shop.ask<{ outcome: string }>('select outcome from reconciler.repair order by id');
  return rows.map(({ outcome }) => outcome);
}

async function interrupted(fencingToken: string, rowsMax = 100): Promise<string[]> {
  return (await readInterrupted(shop.pool(), source, fencingToken, rowsMax)).map(({ id }) => id);
}

describe('intending', () => {
  it('commits a row for each repair, in order, with who, when and what was there before', async () => {
    const before = evidenceOf({ kind: 'present', value: 'a\u0000漢', expiresInMs: null });
    const repairs = many.map((id) => repairOf(id, { before }));
    expect(await intend(repairs)).toEqual(many);
    const rows = await shop.ask(
      `select discrepancy_id::int as found, action, marker_key, outcome, intent, before, done_by, pass_id::text,
         fencing_token::int as token, ended_at from reconciler.repair order by id limit 1`,
    );
    expect(rows).toEqual([
      {
        found: 1,
        action: 'reissue_marker',
        marker_key: 'gift:1',
        outcome: 'intended',
        intent: repairOf('1').action,
        before: { ...before, marker: { kind: 'present', value: 'a\u2400漢', expiresInMs: null } },
        done_by: 'alice',
        pass_id: passId,
        token: 1,
        ended_at: null,
      },
    ]);
  });

  it('is refused under an old token, and leaves nothing', async () => {
    await begin('2');
    await expect(intend([repairOf('1')])).rejects.toMatchObject({ code: 'fenced_out' });
    expect(await outcomes()).toEqual([]);
  });

  it('of a plan that the brake does not admit leaves the brake tripped, and no rows', async () => {
    const intention = { admission: admissionOf(11), passId, fencingToken: '1' };
    expect(
      await intendRepairs(
        shop.pool(),
        intention,
        many.map((id) => repairOf(id)),
      ),
    ).toBeNull();
    expect(await outcomes()).toEqual([]);
    expect((await readBrake(shop.pool(), source)).state).toBe('tripped');
  });

  it('all or none: one repair that cannot be written leaves no row of the others', async () => {
    await expect(intend([repairOf('1'), repairOf('999')])).rejects.toThrow('foreign key');
    expect(await outcomes()).toEqual([]);
  });
});

describe('an outcome', () => {
  it('is written once: what another wrote first stays', async () => {
    await intend([repairOf('1'), repairOf('2')]);
    const after = { kind: 'present', value: 'a1', expiresInMs: 900 } as const;
    await finish({ id: '1', after, note: 'made' });
    await finish({ id: '1', outcome: 'failed', note: 'too late' }, { id: '2', outcome: 'superseded' });
    expect(
      await shop.ask(
        'select outcome, after, note, ended_at is not null as ended from reconciler.repair order by id',
      ),
    ).toEqual([
      { outcome: 'applied', after, note: 'made', ended: true },
      { outcome: 'superseded', after: null, note: null, ended: true },
    ]);
    await finish();
  });

  it('of two who finish at the same time is that of one', async () => {
    await intend([repairOf('1')]);
    await Promise.all(
      (['applied', 'failed', 'superseded'] as const).map(async (outcome) =>
        finish({ id: '1', outcome, note: outcome }),
      ),
    );
    const [row] = await shop.ask<{ outcome: string; note: string }>(
      'select outcome, note from reconciler.repair',
    );
    expect(row?.note).toBe(row?.outcome);
  });
});

describe('repairs that were interrupted', () => {
  it('are those that an earlier term left intended, oldest first, no more than asked for', async () => {
    await intend(many.map((id) => repairOf(id)));
    expect(await interrupted('1')).toEqual([]);
    await begin('2');
    expect(await interrupted('2')).toEqual(many);
    expect(await interrupted('2', 3)).toEqual(['1', '2', '3']);
    await finish({ id: '2' }, { id: '3', outcome: 'failed' });
    expect(await interrupted('2', 3)).toEqual(['1', '4', '5']);
    expect(await readInterrupted(shop.pool(), 'orders', '2', 100)).toEqual([]);
  });

  it('come back as they were intended', async () => {
    const observed = { kind: 'present', value: "it's", expiresInMs: null } as const;
    const action: MarkerChange = { kind: 'delete_marker', key: 'k\t"', observed };
    await intend([repairOf('1'), repairOf('2', { action, before: evidenceOf(observed), undoOf: '1' })]);
    expect((await readInterrupted(shop.pool(), source, '9', 10))[1]).toEqual({
      id: '2',
      discrepancyId: '2',
      action,
      before: evidenceOf(observed),
      undoOf: '1',
    });
  });
});

describe('repairs that can be undone', () => {
  const idsOf = async (which: { repairId: string } | { passId: string }): Promise<string[]> =>
    (await readUndoable(shop.pool(), source, which)).map(({ id }) => id);

  it('are the applied ones of a pass, newest first, or the one that is named', async () => {
    await intend(many.map((id) => repairOf(id)));
    await finish(...many.slice(0, 10).map((id) => ({ id })), { id: '11', outcome: 'superseded' });
    expect(await idsOf({ passId })).toEqual(['10', '9', '8', '7', '6', '5', '4', '3', '2', '1']);
    expect(await idsOf({ repairId: '3' })).toEqual(['3']);
    for (const repairId of ['11', '12', '99']) expect(await idsOf({ repairId })).toEqual([]);
    expect(await readUndoable(shop.pool(), 'orders', { repairId: '3' })).toEqual([]);
  });

  it('are undone once: what is being undone or was is no more among them, what could not be is', async () => {
    await intend([repairOf('1'), repairOf('2'), repairOf('3')]);
    await finish({ id: '1' }, { id: '2' }, { id: '3' });
    await intend([
      repairOf('1', { undoOf: '1' }),
      repairOf('2', { undoOf: '2' }),
      repairOf('3', { undoOf: '3' }),
    ]);
    expect(await idsOf({ repairId: '1' })).toEqual([]);
    await expect(intend([repairOf('1', { undoOf: '1' })])).rejects.toThrow('repair_undone_once');
    await finish({ id: '4' }, { id: '5', outcome: 'failed' }, { id: '6', outcome: 'superseded' });
    expect(await idsOf({ repairId: '1' })).toEqual([]);
    expect(await idsOf({ repairId: '2' })).toEqual(['2']);
    expect(await idsOf({ repairId: '3' })).toEqual(['3']);
    expect(await intend([repairOf('2', { undoOf: '2' })])).toHaveLength(1);
  });

  it('belong to a source, as passes do', async () => {
    await intend([repairOf('1')]);
    expect(await sourceOf(shop.pool(), { repairId: '1' })).toBe(source);
    expect(await sourceOf(shop.pool(), { passId })).toBe(source);
    expect(await sourceOf(shop.pool(), { repairId: '99' })).toBeNull();
    expect(await sourceOf(shop.pool(), { passId: '99' })).toBeNull();
  });
});

describe('what the marker should look like after', () => {
  const observed = { kind: 'present', value: 'a2', expiresInMs: null } as const;

  it.each<[MarkerChange, unknown]>([
    [
      { kind: 'reissue_marker', key: 'k', value: 'a1', expiresInMs: 5 },
      { kind: 'present', value: 'a1', expiresInMs: 5 },
    ],
    [
      { kind: 'replace_marker', key: 'k', observed, value: 'a1', expiresInMs: 5 },
      { kind: 'present', value: 'a1', expiresInMs: 5 },
    ],
    [
      { kind: 'set_expiry', key: 'k', observed, expiresInMs: 5 },
      { kind: 'present', value: 'a2', expiresInMs: 5 },
    ],
    [{ kind: 'delete_marker', key: 'k', observed }, { kind: 'absent' }],
  ])('%j is told', (action, marker) => {
    expect(intendedMarker(action)).toEqual(marker);
  });
});
