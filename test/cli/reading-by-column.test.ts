/**
 * A table that may not be altered, from the configuration to the repair: no column and no trigger of ours in it.
 */
import { beforeEach, expect, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { sampleHorizon } from '../../src/postgres/horizon.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { useProgram, type Ran } from './support/program.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

const untouched = `
  create table coupon_use (id uuid primary key, coupon text not null, attempt uuid not null unique, state text not null,
    updated_at timestamptz not null default now(), expires_at timestamptz not null);
  create index coupon_use_updated on coupon_use (updated_at);
  create index coupon_use_coupon on coupon_use (coupon);`;

beforeEach(async () => {
  world = await worlds.create();
  await world.pool.query(untouched);
});

function config(mode: 'observe' | 'repair', overlap = '10m'): string {
  return `
database: { url: '${world.databaseUrl}' }
markerRedis: { url: '${world.redisUrl}' }
sources:
  coupons:
    table: coupon_use
    columns: { id: id, attempt: attempt, status: state, expiresAt: expires_at }
    position: { column: updated_at, overlap: ${overlap} }
    marker: { key: 'coupon:{coupon}', value: '{attempt}' }
    statuses: { pending: new, granted: used, released: [refused] }
    mode: ${mode}
    grace: 20ms
    brake: { repairsPerPlan: 100, repairsPerHour: 1000, share: 100%, shareSample: 1000 }
`;
}

async function run(args: readonly string[], text: string): Promise<Ran> {
  const file = await program.write('coupons.yaml', text);
  const { rows } = await world.pool.query<{ next: string }>(
    'select pg_snapshot_xmax(pg_current_snapshot())::text as next',
  );
  await waitFor(
    async () => {
      const { settled } = await sampleHorizon(world.pool, 20);
      return settled !== null && BigInt(settled.horizon) >= BigInt(rows[0]?.next ?? '');
    },
    { what: 'the grace period of everything committed' },
  );
  return program.run([...args, '--config', file]);
}

async function addUse(coupon: string, state: string): Promise<{ id: string; attempt: string }> {
  const { rows } = await world.pool.query<{ id: string; attempt: string }>(
    `insert into coupon_use (id, coupon, attempt, state, expires_at)
     values (gen_random_uuid(), $1, gen_random_uuid(), $2, now() + interval '1 day') returning id, attempt`,
    [coupon, state],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('an insert returned no row');
  return row;
}

it('check says what it will not see, and that the index would be better with the id', async () => {
  const { code, out } = await run(['check'], config('observe'));
  expect(code).toBe(0);
  expect(out.filter((line) => line.includes('coupons'))).toEqual([
    expect.stringMatching(
      /^warning {2}sources.coupons: it is read by the column updated_at, without a trigger, and does not see everything: a row that is written 10 min or more after the time in its updated_at is not read\./,
    ),
    expect.stringContaining('public.coupon_use has no index on (updated_at, id)'),
    expect.stringContaining('Ready'),
  ]);
});

it('check refuses an overlap that does not fit the column', async () => {
  const { code, out } = await run(['check'], config('observe', '1000'));
  expect(code).toBe(2);
  expect(out.join('\n')).toContain(
    'position.overlap must be a duration such as 10m, since the column updated_at holds times',
  );
});

it('is observed, then repaired, and explained', async () => {
  const used = await addUse('A', 'used');
  const refused = await addUse('B', 'refused');
  await world.redis.set('coupon:B', refused.attempt, 'PX', 80_000_000);
  const seen = await run(['reconcile'], config('observe'));
  expect(seen.code).toBe(3);
  expect(seen.out.slice(1)).toEqual([
    '  judged   2: 1 missing_marker, 1 orphan_marker',
    '  repairs  2 withheld',
    '  open     2 discrepancies',
  ]);
  expect(await world.readMarker('coupon:A')).toBeNull();

  const told = await run(['explain', 'claim', used.id, '--source', 'coupons'], config('repair'));
  expect(told.out.join('\n')).toContain('missing_marker');
  const repaired = await run(['reconcile'], config('repair'));
  expect(repaired.code).toBe(0);
  expect(await world.readMarker('coupon:A')).toMatchObject({ value: used.attempt });
  expect(await world.readMarker('coupon:B')).toBeNull();

  await world.redis.del('coupon:A');
  expect((await run(['reconcile'], config('repair'))).out[1]).toBe('  judged   0');
  const again = await run(['rewind', '--source', 'coupons', '--to', 'beginning'], config('repair'));
  expect(again.out[0]).toBe(
    'The checkpoint of coupons stands at the beginning now; the next pass reads on from there.',
  );
  expect((await run(['reconcile'], config('repair'))).out[1]).toBe('  judged   2: 1 missing_marker');
  const byHand = await run(['repair', 'claim', used.id, '--source', 'coupons'], config('repair'));
  expect(byHand.code).toBe(0);
});

it('is released later with the time of the change, and its marker goes', async () => {
  const used = await addUse('A', 'used');
  await world.redis.set('coupon:A', used.attempt, 'PX', 86_400_000);
  expect((await run(['reconcile'], config('repair'))).out[1]).toBe('  judged   1: all consistent');
  await world.pool.query(`update coupon_use set state = 'refused', updated_at = now()`);
  expect((await run(['reconcile'], config('repair'))).out[1]).toBe('  judged   1: 1 orphan_marker');
  expect(await world.readMarker('coupon:A')).toBeNull();
});
