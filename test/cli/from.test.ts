/**
 * `reconcile --from`, and what people see while a run reads: on a terminal one line, elsewhere nothing.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { useProgram, type Ran, type RunOptions } from './support/program.ts';
import { shopConfig } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

async function run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const config = await program.write('from.yaml', shopConfig(world, { mode: 'observe' }));
  await world.settle();
  return program.run([...args, '--config', config], options);
}

const judged = ({ out }: Ran): string | undefined => out.find((line) => line.startsWith('  judged'));

describe('--from', () => {
  it('beginning reads a source again that was read to its end, and one that was never read', async () => {
    await world.addGift();
    expect(judged(await run(['reconcile', '--from', 'beginning']))).toBe('  judged   1: 1 missing_marker');
    expect(judged(await run(['reconcile']))).toBe('  judged   0');
    expect(judged(await run(['reconcile', '--from', 'beginning']))).toBe('  judged   1: 1 missing_marker');
  });

  it.each(['7d', '2026-01-01', '2026-01-01T08:00:00+08:00'])('%s goes back so far', async (from) => {
    await world.setMarker(await world.addGift());
    await run(['reconcile']);
    expect(judged(await run(['reconcile', '--from', from]))).toBe('  judged   1: all consistent');
  });

  it('a moment ago leaves what was read before', async () => {
    await world.setMarker(await world.addGift());
    await run(['reconcile']);
    await world.settle();
    expect(judged(await run(['reconcile', '--from', '1ms']))).toBe('  judged   0');
  });

  it.each([
    ['yesterday', /--from must be beginning, how long ago/],
    ['2026-01-01T08:00', /--from must be beginning/],
    ['2999-01-01', /still to come by the clock of Postgres; nothing was changed/],
  ])('%s is refused', async (from, words) => {
    const { code, err } = await run(['reconcile', '--from', from]);
    expect(code).toBe(2);
    expect(err.join('\n')).toMatch(words);
  });
});

describe('progress', () => {
  it.each([
    ['reconcile', ['reconcile']],
    ['repair range', ['repair', 'range', '--source', 'gifts', '--from', '1', '--to', '9']],
  ])('of %s is one line at a terminal, which is cleared in the end', async (_, args) => {
    await world.setMarker(await world.addGift());
    const { progress, err } = await run(args, { isTerminal: true });
    expect(progress[0]).toMatch(/^gifts: 1 .*claims? judged/);
    expect(progress.at(-1)).toBe('');
    expect(err.filter((line) => !line.startsWith('Waiting'))).toEqual([]);
  });

  it('is not shown where nobody looks, nor beside JSON', async () => {
    await world.setMarker(await world.addGift());
    expect((await run(['reconcile'])).progress).toEqual(['']);
    expect(
      (await run(['reconcile', '--from', 'beginning', '--json'], { isTerminal: true })).progress,
    ).toEqual(['']);
  });
});
