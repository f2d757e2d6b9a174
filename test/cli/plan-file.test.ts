/**
 * A plan that is written, reviewed and applied later: what still stands is done, what has changed since is skipped.
 */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readPlanFile, type PlanFile } from '../../src/reconcile/plan-file.ts';
import { dayMs } from '../reconcile/support/claim-tables.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { Gift, World } from '../reconcile/support/world.ts';
import { useProgram, type Ran } from './support/program.ts';
import { shopConfig, type ShopSettings } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
  await rm(join(program.folder(), 'plan.json'), { force: true });
});

async function run(args: readonly string[], settings: ShopSettings = {}): Promise<Ran> {
  const config = await program.write('shop.yaml', shopConfig(world, settings, true));
  await world.settle();
  return program.run([...args, '--config', config]);
}

const range = ['repair', 'range', '--from', '1', '--to', '99', '--source', 'gifts'];
const planOut = async (): Promise<Ran> => run([...range, '--plan-out', 'plan.json']);
const applyPlan = async (...more: string[]): Promise<Ran> => run(['repair', '--plan', 'plan.json', ...more]);

async function readPlan(): Promise<PlanFile> {
  return readPlanFile(await readFile(join(program.folder(), 'plan.json'), 'utf8'), 'plan.json');
}

/** missing, immortal, orphan: in the order of their ids. */
async function breakSome(): Promise<[Gift, Gift, Gift]> {
  const missing = await world.addGift();
  const immortal = await world.addGift();
  await world.setMarker(immortal, { expiresInMs: null });
  const orphan = await world.addGift({ status: 'revoked' });
  await world.setMarker(orphan);
  return [missing, immortal, orphan];
}

describe('a plan that is written', () => {
  it('says what was seen, of what, when, by whom and what would be done, and changes nothing', async () => {
    await breakSome();
    await world.addGift({ status: 'pending' });
    const { code, out } = await planOut();
    expect(code).toBe(3);
    expect(out.at(-1)).toContain(
      'the repairs are written to plan.json. Later: claim-reconciler repair --plan plan.json',
    );
    expect(await readPlan()).toMatchObject({
      source: 'gifts',
      madeBy: 'tester@here',
      madeAt: expect.stringMatching(/^\d{4}-/),
      items: [
        {
          claimId: '1',
          markerKey: 'gift:1',
          verdict: 'missing_marker',
          marker: { kind: 'absent' },
          action: 'reissue_marker',
        },
        { claimId: '2', verdict: 'immortal_marker', marker: { value: 'attempt-2', expiresInMs: null } },
        {
          claimId: '3',
          verdict: 'orphan_marker',
          action: 'delete_marker',
          would: 'delete the marker, if unchanged',
        },
      ],
    });
    expect(await world.repairs()).toEqual([]);
    expect((await stat(join(program.folder(), 'plan.json'))).mode & 0o777).toBe(0o600);
  });

  it('is not written over another, nor where nobody can write, nor with --apply', async () => {
    await breakSome();
    await planOut();
    const again = await planOut();
    expect(again.code).toBe(2);
    expect(again.err.join('\n')).toContain('plan.json cannot be written');
    expect((await run([...range, '--plan-out', 'no/such/folder.json'])).code).toBe(2);
    expect((await run([...range, '--plan-out', 'other.json', '--apply'])).code).toBe(2);
    expect(await world.repairs()).toEqual([]);
  });
});

describe('a plan that is applied', () => {
  it('is done as it was planned, and journalled; a second time everything is skipped', async () => {
    const [missing, immortal, orphan] = await breakSome();
    await planOut();
    const looked = await applyPlan();
    expect(looked.code).toBe(3);
    expect(looked.out.at(-1)).toBe(
      '3 claims judged, 3 repairs planned. Nothing was changed; --apply carries them out.',
    );
    expect(await world.repairs()).toEqual([]);
    const { code, out } = await applyPlan('--apply');
    expect(code).toBe(0);
    expect(out.join('\n')).toContain('repairs  3 applied');
    expect(await world.readMarker(missing.key)).toMatchObject({ value: missing.attempt });
    expect((await world.readMarker(immortal.key))?.expiresAtMs).not.toBeNull();
    expect(await world.readMarker(orphan.key)).toBeNull();
    const again = await applyPlan('--apply');
    expect(again.code).toBe(3);
    expect(again.out.filter((line) => line.startsWith('skipped '))).toHaveLength(3);
    expect(await world.repairs()).toHaveLength(3);
  });

  it('skips what has changed since, says why, and does the rest', async () => {
    const [missing, immortal, orphan] = await breakSome();
    const other = await world.addGift();
    const gone = await world.addGift();
    await planOut();
    await world.setGiftStatus(missing, 'revoked');
    await world.setMarker(immortal, { value: 'stranger', expiresInMs: dayMs });
    await world.setMarker(other);
    await world.pool.query('delete from gift_claim where id = $1', [gone.id]);
    const { code, out } = await applyPlan('--apply');
    expect(code).toBe(3);
    expect(out).toContain('skipped claim 1: its row has changed since');
    expect(out.join('\n')).toMatch(
      /^skipped claim 2: its marker has changed since: stranger, expires in 23 h/m,
    );
    expect(out.join('\n')).toMatch(/^skipped claim 4: its marker has changed since: attempt-4/m);
    expect(out).toContain('skipped claim 5: its row is gone');
    expect(await world.repairs()).toMatchObject([
      { key: orphan.key, action: 'delete_marker', outcome: 'applied' },
    ]);
    expect(await world.readMarker(missing.key)).toBeNull();
    expect(await world.readMarker(immortal.key)).toMatchObject({ value: 'stranger' });
  });

  it('does nothing but what was reviewed: an action that was edited is skipped', async () => {
    await breakSome();
    await planOut();
    const plan = await readPlan();
    const items = plan.items.map((item) => ({ ...item, action: 'delete_marker' }));
    await program.write('plan.json', JSON.stringify({ ...plan, items }));
    const { code, out } = await applyPlan('--apply');
    expect(code).toBe(3);
    expect(out.join('\n')).toMatch(/skipped claim 1: something else would be done now: set attempt-1 for/);
    expect(await world.repairs()).toMatchObject([{ key: 'gift:3', action: 'delete_marker' }]);
  });

  it('does not do again what a person took back since; a newer plan does', async () => {
    const [missing] = await breakSome();
    await planOut();
    await applyPlan('--apply');
    const [repair] = await world.repairs();
    expect((await run(['undo', '--repair', repair?.id ?? ''])).code).toBe(0);
    const { out } = await applyPlan('--apply');
    expect(out.join('\n')).toContain('its repair was undone since');
    expect(await world.readMarker(missing.key)).toBeNull();
    await rm(join(program.folder(), 'plan.json'));
    await planOut();
    await applyPlan('--apply');
    expect((await world.readMarker(missing.key))?.value).toBe(missing.attempt);
  });

  it('is held by the brake, and passes it with --force', async () => {
    await breakSome();
    await planOut();
    const brake = '{ repairsPerPlan: 1, repairsPerHour: 10, share: 100%, shareSample: 1000 }';
    expect((await run(['repair', '--plan', 'plan.json', '--apply'], { brake })).code).toBe(4);
    expect((await run(['repair', '--plan', 'plan.json', '--apply', '--force'], { brake })).code).toBe(0);
  });
});

describe('a plan is refused as a whole', () => {
  it.each([
    ['of another database cluster', { systemIdentifier: '1' }, 'another database cluster'],
    ['of another database', { databaseOid: '1' }, 'another database'],
    ['of another table', { tableOid: '1' }, 'another claim table'],
    ['of another timeline', { timeline: '0000000F' }, 'another timeline'],
    ['of another schema', { schemaVersion: '001-schema' }, 'another version of the schema (001-schema'],
  ])('%s', async (_, changes, words) => {
    await breakSome();
    await planOut();
    const plan = await readPlan();
    await program.write('plan.json', JSON.stringify({ ...plan, database: { ...plan.database, ...changes } }));
    const { code, out, err } = await applyPlan('--apply');
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join('\n')).toContain('The plan is refused, and nothing was changed');
    expect(err.join('\n')).toContain(words);
    expect(await world.repairs()).toEqual([]);
  });

  it('of another source: its claims are in another table', async () => {
    await breakSome();
    await planOut();
    await program.write('plan.json', JSON.stringify({ ...(await readPlan()), source: 'orders' }));
    const { code, err } = await applyPlan('--apply');
    expect(code).toBe(2);
    expect(err.join('\n')).toContain('another claim table');
    await program.write('plan.json', JSON.stringify({ ...(await readPlan()), source: 'seats' }));
    expect((await applyPlan('--apply')).err.join('\n')).toContain('There is no source "seats"');
  });

  it.each([
    ['no JSON', 'hello', 'it is not JSON'],
    ['JSON of something else', '{"a":1}', 'is no plan that this version can read'],
  ])('that is %s', async (_, text, words) => {
    await program.write('plan.json', text);
    const { code, err } = await applyPlan('--apply');
    expect(code).toBe(2);
    expect(err.join('\n')).toContain(words);
  });

  it('with one claim twice, and one that is not there', async () => {
    await breakSome();
    await planOut();
    const plan = await readPlan();
    await program.write('plan.json', JSON.stringify({ ...plan, items: [...plan.items, ...plan.items] }));
    expect((await applyPlan('--apply')).err.join('\n')).toContain('(at items)');
    const nowhere = await run(['repair', '--plan', 'nowhere.json']);
    expect(nowhere.code).toBe(2);
    expect(nowhere.err.join('\n')).toContain('nowhere.json cannot be read');
  });
});
