/**
 * `reconcile --report-out`: what a first run found, as a file to take along.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { useProgram, type Ran } from './support/program.ts';
import { shopConfig } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;
let files = 0;

beforeEach(async () => {
  world = await worlds.create();
});

async function report(extension: string): Promise<{ ran: Ran; text: string; name: string }> {
  const config = await program.write('drift.yaml', shopConfig(world, { mode: 'observe' }, true));
  await world.settle();
  const name = `drift-${(files += 1)}.${extension}`;
  const ran = await program.run([
    'reconcile',
    '--from',
    'beginning',
    '--report-out',
    name,
    '--config',
    config,
  ]);
  return { ran, name, text: await readFile(join(program.folder(), name), 'utf8') };
}

/** Two granted gifts without marker, an orphan, and an order without marker. */
async function addDrift(): Promise<{ missing: readonly string[]; orphan: string }> {
  const missing = [await world.addGift({ uid: 1 }), await world.addGift({ uid: 2 })];
  const orphan = await world.addGift({ uid: 3, status: 'failed', attempt: '=HYPERLINK("x")' });
  await world.setMarker(orphan);
  await world.addGrab();
  return { missing: missing.map(({ id }) => id), orphan: orphan.id };
}

describe('--report-out', () => {
  it('.txt: counts by verdict, what repair mode would do, examples', async () => {
    const { missing } = await addDrift();
    const { ran, text } = await report('txt');
    expect(ran.code).toBe(3);
    expect(text).toContain('gifts, in mode observe: 3 claims or markers are open.\n');
    expect(text).toMatch(/Pass \d+ \(completed\) judged 3 claims\./);
    expect(text).toMatch(/missing_marker +2 +66\.7 % +\d{4}-\S+Z +\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d/);
    expect(text).toContain(
      '  orphan_marker: delete the marker, so that the next attempt may have the thing.\n',
    );
    expect(text).toContain(`  missing_marker: claim ${missing[0]}, marker gift:1\n`);
    expect(text).toContain('orders, in mode observe: 1 claim or marker is open.\n');
  });

  it('.txt: says so where nothing is open', async () => {
    await world.setMarker(await world.addGift());
    const { ran, text } = await report('txt');
    expect(ran.code).toBe(0);
    expect(text).toContain('gifts, in mode observe: nothing is open.\n');
  });

  it('.json: the same for programs, with the passes', async () => {
    const { missing } = await addDrift();
    const { text } = await report('json');
    expect(JSON.parse(text)).toMatchObject({
      kind: 'claim-reconciler drift',
      sources: [
        {
          source: 'gifts',
          mode: 'observe',
          pass: { checked: 3, verdicts: { missing_marker: 2, orphan_marker: 1 } },
          verdicts: [
            {
              verdict: 'missing_marker',
              open: 2,
              examples: missing.map((claimId, at) => ({ claimId, markerKey: `gift:${at + 1}` })),
              inRepairMode: 'set the marker again, for the time that is left',
            },
            { verdict: 'orphan_marker', open: 1 },
          ],
        },
        { source: 'orders', verdicts: [{ verdict: 'missing_marker', open: 1 }] },
      ],
    });
  });

  it('.csv: a line for each, and no cell that a spreadsheet would carry out', async () => {
    const { missing, orphan } = await addDrift();
    const { text } = await report('csv');
    const [head, ...lines] = text.trimEnd().split('\r\n');
    expect(head).toBe('source,verdict,claim,status,marker,holds,window_ends_at,first_seen_at,in_repair_mode');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(
      new RegExp(
        `^gifts,missing_marker,${missing[0]},granted,gift:1,absent,\\d{4}-.*Z,"set the marker again`,
      ),
    );
    expect(lines[2]).toContain(
      `gifts,orphan_marker,${orphan},released,gift:3,"'=HYPERLINK(""x""), expires in`,
    );
    expect(lines[3]).toMatch(/^orders,missing_marker/);
  });

  it('is readable by its owner alone, and never written over a file that is there', async () => {
    const { name } = await report('csv');
    expect((await stat(join(program.folder(), name))).mode & 0o777).toBe(0o600);
    const config = await program.write('drift.yaml', shopConfig(world, { mode: 'observe' }));
    const again = await program.run(['reconcile', '--report-out', name, '--config', config]);
    expect(again).toMatchObject({ code: 2, out: [] });
    expect(again.err.join()).toContain('EEXIST');
    const odd = await program.run(['reconcile', '--report-out', 'drift.xls', '--config', config]);
    expect(odd).toMatchObject({ code: 2, out: [] });
    expect(odd.err.join()).toMatch(/ends in \.txt, \.json or \.csv; it is "drift\.xls"/);
  });
});
