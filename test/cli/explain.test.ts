/**
 * `explain` on real stores: what is wrong with one claim or marker, why, what would be done, and what was.
 */
import { readFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeOpenClaim } from '../../src/domain/open-claim.ts';
import { dayMs } from '../reconcile/support/claim-tables.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { useProgram, type Ran } from './support/program.ts';
import { shopConfig, type ShopSettings } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

async function run(args: readonly string[], settings: ShopSettings = {}): Promise<Ran> {
  const config = await program.write('shop.yaml', shopConfig(world, settings));
  await world.settle();
  return program.run([...args, '--config', config]);
}

const explainClaim = async (id: string, settings: ShopSettings = {}): Promise<Ran> =>
  run(['explain', 'claim', id, '--source', 'gifts'], settings);

/** All that a look must not change: rows of the reconciler, and the markers. */
async function everything(): Promise<unknown> {
  const tables = ['alert', 'brake', 'checkpoint', 'discrepancy', 'lease_term', 'pass', 'repair', 'report'];
  const kept = tables.map(
    async (name) => (await world.pool.query(`select * from reconciler.${name} order by 1`)).rows,
  );
  const keys = await world.redis.keys('*');
  return { kept: await Promise.all(kept), keys: keys.toSorted() };
}

async function listOpen(uid: number, attempt: string): Promise<void> {
  const open = {
    markerKey: `gift:${uid}`,
    markerValue: attempt,
    attempt,
    columns: { uid },
    expiresAtMs: Date.now() + dayMs,
  };
  const [seconds] = await world.redis.time();
  await world.redis.zadd(
    'claim-reconciler:open-claims:gifts',
    Number(seconds) * 1000 - 60_000,
    encodeOpenClaim(open),
  );
}

describe('explain claim', () => {
  it('says that all is well, and exits 0', async () => {
    const gift = await world.addGift();
    await world.setMarker(gift);
    const { code, out, err } = await explainClaim(gift.id);
    expect({ code, err }).toEqual({ code: 0, err: [] });
    const text = out.join('\n');
    expect(out[0]).toBe('claim 1 of gifts: consistent');
    expect(text).toContain('its marker holds what it should for as long as it should');
    expect(text).toMatch(/row +status "granted", which means granted; attempt attempt-1/);
    expect(text).toMatch(/window +until \d{4}-\d\d-\d\d .+ UTC, 23 h 59 m left/);
    expect(text).toMatch(/marker +gift:1: attempt-1, expires in 23 h/);
    expect(text).toContain('Nothing is to be done.');
    expect(text).toContain('Nothing is on record of it.');
    expect(text).not.toContain('By hand');
  });

  it('says what is wrong, why, what would be done, and changes nothing', async () => {
    const gift = await world.addGift();
    const before = await everything();
    const { code, out } = await explainClaim(gift.id);
    expect(code).toBe(3);
    const text = out.join('\n');
    expect(out[0]).toBe('claim 1 of gifts: missing_marker');
    expect(text).toContain('the same thing could be handed out twice');
    expect(text).toMatch(/then +A pass would set attempt-1 for 23 h 59 m, if still absent\./);
    expect(text).toContain('It is not on record: no pass has come to it yet.');
    expect(out.at(-1)).toContain('claim-reconciler repair claim 1 --source gifts');
    expect(await everything()).toEqual(before);
  });

  it('shows the status as it was written, and what it means', async () => {
    const gift = await world.addGift({ status: 'revoked' });
    await world.setMarker(gift);
    const { out } = await explainClaim(gift.id);
    expect(out[0]).toBe('claim 1 of gifts: orphan_marker');
    expect(out.join('\n')).toContain('status "revoked", which means released');
    const strange = await world.addGift({ status: 'lost' });
    const { code, out: said } = await explainClaim(strange.id);
    expect(code).toBe(3);
    expect(said[0]).toBe('claim 2 of gifts: unreadable_claim');
    expect(said.join('\n')).toContain('the status "lost" is not in the mapping');
  });

  it('tells the history with before and after, by whom, and how to take it back', async () => {
    const gift = await world.addGift();
    await run(['reconcile']);
    await world.redis.del(gift.key);
    const { code, out } = await explainClaim(gift.id);
    expect(code).toBe(3);
    const text = out.join('\n');
    expect(text).toContain('the row had been judged before this went wrong');
    expect(text).toMatch(/discrepancy 1: missing_marker, seen .+ UTC, repaired .+ UTC/);
    expect(text).toMatch(
      /repair 1: reissue_marker applied, .+ by tester@here in pass 1: absent -> attempt-1, expires in 23 h/,
    );
    expect(text).toContain('to take it back: claim-reconciler undo --repair 1');
    await run(['reconcile']);
  });

  it('says what holds it up: the mode, the brake, an undo', async () => {
    const gifts = [await world.addGift(), await world.addGift()];
    const observed = await explainClaim('1', { mode: 'observe' });
    expect(observed.out.join('\n')).toContain('gifts is in mode observe');
    const brake = '{ repairsPerPlan: 1, repairsPerHour: 10, share: 100%, shareSample: 1000 }';
    await run(['reconcile'], { brake });
    const braked = await explainClaim('1', { brake });
    expect(braked.out.join('\n')).toMatch(
      /The brake of gifts has stopped all repairs: 2 repairs planned.+resume --source gifts/,
    );
    expect(braked.out.join('\n')).toMatch(
      /It is on record as discrepancy 1: (the next pass looks at it|it is looked at again in .+)\./,
    );
    await run(['resume', '--source', 'gifts']);
    await run(['reconcile']);
    await run(['undo', '--pass', '2']);
    const held = await explainClaim('1');
    expect(held.out.join('\n')).toContain('A person undid its repair: it is held');
    expect(held.out.join('\n')).toMatch(/taken back by repair \d+/);
    expect(gifts).toHaveLength(2);
  });

  it('says what holds the whole source up, though somebody has it in hand', async () => {
    await world.addGift();
    await world.pool.query(`insert into reconciler.alert (cause, kind, source, severity, summary)
      values ('gifts:horizon', 'horizon_stalled', 'gifts', 'warning', 'pid 7 holds it')`);
    for (let times = 0; times < 2; times += 1) {
      const { out } = await explainClaim('1');
      expect(out.join('\n')).toContain('(horizon_stalled) is about the whole source: pid 7 holds it');
      await run(['alerts', 'acknowledge', '1']);
    }
  });

  it('names other live claims and the entry of the open-claims index', async () => {
    const first = await world.addGift({ uid: 7 });
    await world.setMarker(first);
    const second = await world.addGift({ uid: 7, status: 'pending' });
    await world.addGift({ uid: 7, status: 'failed' });
    await listOpen(7, second.attempt);
    const text = (await explainClaim(first.id)).out.join('\n');
    expect(text).toMatch(/others +claim 2 \(pending\)$/m);
    expect(text).toMatch(/index +listed as an open claim for 1 m.*: attempt attempt-2$/m);
  });

  it('exits 2 for a claim that is not there', async () => {
    const { code, out, err } = await explainClaim('77');
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join('\n')).toContain('There is no claim 77 in gifts');
    expect((await explainClaim('seven')).code).toBe(2);
  });

  it('tells the history of a claim whose row is gone', async () => {
    const gift = await world.addGift({ status: 'pending' });
    await run(['reconcile']);
    await world.pool.query('delete from gift_claim');
    const { code, out } = await explainClaim(gift.id);
    expect(code).toBe(0);
    expect(out.join('\n')).toContain('There is no row and no marker');
    expect(out.join('\n')).toMatch(/discrepancy 1: in_doubt/);
  });

  it('tells all but the marker while Redis is away', async () => {
    const gift = await world.addGift();
    const { code, out } = await explainClaim(gift.id, { markersUrl: 'redis://127.0.0.1:1/0' });
    expect(code).toBe(3);
    expect(out[0]).toBe('claim 1 of gifts: unknown');
    expect(out.join('\n')).toContain('The marker could not be read');
    expect(out.join('\n')).toContain('status "granted"');
  });

  it('--json is one object with the same', async () => {
    await world.addGift();
    const ran = await run(['explain', 'claim', '1', '--source', 'gifts', '--json']);
    expect(ran.json()).toMatchObject({
      asked: { kind: 'claim', id: '1' },
      source: 'gifts',
      markerKey: 'gift:1',
      cases: [
        {
          verdict: 'missing_marker',
          writtenStatus: 'granted',
          claim: { status: 'granted', attempt: 'attempt-1' },
          marker: { kind: 'absent' },
          decision: { kind: 'repair', action: { kind: 'reissue_marker' } },
          why: expect.stringContaining('granted'),
          follows: expect.arrayContaining([expect.stringContaining('A pass would set')]),
        },
      ],
      brake: { state: 'armed' },
      history: { discrepancies: [], repairs: [] },
    });
  });
});

describe('a distributor', () => {
  const settings = { grace: '30s', distributor: '{ module: ./shop.mjs, timeout: 5s }' };
  const shop = `import { appendFileSync } from 'node:fs';
    export async function lookup(attempt) { appendFileSync(new URL('./asked.txt', import.meta.url), attempt); return { kind: 'granted' }; }
    export async function grant() { throw new Error('never'); }`;

  it('is asked only with --ask', async () => {
    await program.write('shop.mjs', shop);
    await program.write('asked.txt', '');
    const gift = await world.addGift({ status: 'pending' });
    const args = ['explain', 'claim', gift.id, '--source', 'gifts'];
    const silent = await run(args, settings);
    expect(silent.code).toBe(3);
    expect(silent.out.join('\n')).toContain('Add --ask to ask it now; that changes nothing.');
    const before = await everything();
    const asked = await run([...args, '--ask'], settings);
    expect(asked.code).toBe(3);
    expect(asked.out.join('\n')).toContain(
      'The distributor says: granted. A pass would settle the claim as granted',
    );
    expect(await everything()).toEqual(before);
    expect(await readFile(`${program.folder()}/asked.txt`, 'utf8')).toBe(gift.attempt);
  });

  it('that is not configured is said to be that', async () => {
    await world.addGift({ status: 'pending' });
    const text = (await explainClaim('1')).out.join('\n');
    expect(text).toContain(
      'A pass would tell people: in_doubt. No distributor is configured that could be asked.',
    );
  });
});

describe('explain marker', () => {
  const explainMarker = async (key: string): Promise<Ran> =>
    run(['explain', 'marker', key, '--source', 'gifts']);

  it('tells of all claims on it, and exits 0 only if all agree', async () => {
    const first = await world.addGift({ uid: 7 });
    await world.addGift({ uid: 7, status: 'failed' });
    await world.setMarker(first);
    const well = await explainMarker('gift:7');
    expect(well.code).toBe(0);
    expect(well.out.join('\n')).toContain('claim 1 of gifts: consistent');
    expect(well.out.join('\n')).toContain('claim 2 of gifts: consistent');
    await world.setMarker(first, { value: 'stranger' });
    const conflict = await explainMarker('gift:7');
    expect(conflict.code).toBe(3);
    expect(conflict.out.join('\n')).toContain('claim 1 of gifts: conflicting_marker');
  });

  it('tells of an attempt without a row, from the index and from what is on record', async () => {
    await world.redis.set('gift:9', 'lost-9', 'PX', dayMs);
    await listOpen(9, 'lost-9');
    const listed = await explainMarker('gift:9');
    expect(listed.code).toBe(3);
    expect(listed.out[0]).toBe('attempt lost-9 without a row of gifts: rowless_marker');
    expect(listed.out.join('\n')).toContain('its row was never written');
    await run(['reconcile']);
    await world.redis.del('claim-reconciler:open-claims:gifts');
    const recorded = await explainMarker('gift:9');
    expect(recorded.out[0]).toBe(listed.out[0]);
    expect(recorded.out.join('\n')).toMatch(
      /discrepancy 1: rowless_marker, seen .+, open, looked at again 1 time/,
    );
    expect(recorded.out.join('\n')).toMatch(/alert 1: warning rowless_marker, open/);
  });

  it('shows reports about it', async () => {
    const gift = await world.addGift({ status: 'failed' });
    await world.setMarker(gift);
    await run([
      'report',
      '--source',
      'gifts',
      '--marker',
      gift.key,
      '--attempt',
      gift.attempt,
      '--reason',
      'DEL timed out',
    ]);
    const { out } = await explainMarker(gift.key);
    expect(out.join('\n')).toMatch(
      /report 1: .+ UTC by tester@here, attempt attempt-1: DEL timed out \(orphan_marker\)/,
    );
  });

  it('exits 2 for one that is not there, and 0 for one that nobody knows', async () => {
    const nothing = await explainMarker('gift:55');
    expect(nothing.code).toBe(2);
    expect(nothing.err.join('\n')).toContain('There is no marker gift:55');
    expect((await explainMarker('order:5')).err.join('\n')).toContain(
      'No source has markers that look like this.',
    );
    await world.redis.set('gift:55', 'whose', 'PX', dayMs);
    await world.redis.set('session:7', 'a secret');
    const elsewhere = await explainMarker('session:7');
    expect(elsewhere.code).toBe(2);
    expect(JSON.stringify(elsewhere)).not.toContain('a secret');
    const unknown = await explainMarker('gift:55');
    expect(unknown.code).toBe(0);
    expect(unknown.out.join('\n')).toContain('No row is known that this marker belongs to');
  });
});
