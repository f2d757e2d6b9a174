/**
 * `alerts` and `status --watch` on real stores: what an on-call engineer looks at first.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { waitFor } from '../support/wait-for.ts';
import { runProgram } from '../../src/cli/program.ts';
import { useProgram, type Ran } from './support/program.ts';
import { shopConfig, type ShopSettings } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

async function run(args: readonly string[], settings: ShopSettings = {}): Promise<Ran> {
  const config = await program.write('shop.yaml', shopConfig(world, settings, true));
  await world.settle();
  return program.run([...args, '--config', config]);
}

describe('alerts', () => {
  it('exits 0 when none is open', async () => {
    expect(await run(['alerts'])).toMatchObject({ code: 0, out: ['No alert is open.'], err: [] });
    expect((await run(['alerts', '--json'])).json()).toEqual({ alerts: [] });
  });

  it('lists each with severity, age, count and where to read on, and exits 3', async () => {
    await world.addGift({ status: 'pending' });
    await run(['reconcile', '--source', 'gifts']);
    await world.makeDue();
    await run(['reconcile', '--source', 'gifts']);
    const { code, out } = await run(['alerts']);
    expect(code).toBe(3);
    expect(out[0]).toMatch(/^alert +severity +state +since +seen +source +what to do$/);
    expect(out[1]).toMatch(/^1 +warning +open +\d+ .* ago +2 +gifts +docs\/runbook\.md#in_doubt$/);
    expect(out.at(-1)).toMatch(
      /^1: 1 claim of gifts is pending, .+ \(in_doubt\), since .+, for example claim 1\. /,
    );
    expect((await run(['alerts', '--source', 'orders'])).code).toBe(0);
    expect((await run(['alerts', '--source', 'seats'])).code).toBe(2);
  });

  it('shows the gravest first, and resolved ones only with --all', async () => {
    await world.addGift({ status: 'pending' });
    await run(['reconcile', '--source', 'gifts']);
    await world.pool.query(
      `insert into reconciler.alert (cause, kind, source, severity, summary, state, resolved_at) values
       ('gifts:stall', 'stall', 'gifts', 'warning', 'stood still', 'resolved', clock_timestamp()),
       ('orders:brake', 'brake', 'orders', 'critical', 'The brake stopped', 'open', null)`,
    );
    const open = (await run(['alerts', '--json'])).json();
    expect(open).toMatchObject({ alerts: [{ kind: 'brake' }, { kind: 'in_doubt' }] });
    const all = (await run(['alerts', '--all', '--json'])).json();
    expect(all).toMatchObject({ alerts: [{ kind: 'brake' }, { kind: 'in_doubt' }, { kind: 'stall' }] });
  });
});

describe('alerts acknowledge', () => {
  it('takes one in hand, once, with the name of the person; then it is not open any more', async () => {
    await world.addGift({ status: 'pending' });
    await run(['reconcile', '--source', 'gifts']);
    const taken = await run(['alerts', 'acknowledge', '1']);
    expect(taken.code).toBe(0);
    expect(taken.out).toEqual([
      'Alert 1 is acknowledged by tester@here. It stays on the list until its cause ends.',
    ]);
    const { code, out } = await run(['alerts']);
    expect(code).toBe(0);
    expect(out[1]).toMatch(/^1 +warning +taken by tester@here /);
    const again = await run(['alerts', 'acknowledge', '1', '--json']);
    expect(again.code).toBe(0);
    expect(again.json()).toEqual({ id: '1', outcome: 'not_open' });
  });

  it.each(['7', 'first', '99999999999999999999'])('exits 2 for %s, which there is not', async (id) => {
    const { code, out, err } = await run(['alerts', 'acknowledge', id]);
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join('\n')).toContain(`There is no alert ${id}`);
  });
});

describe('status --watch', () => {
  /** Runs until `enough` was printed, then stops it as Ctrl-C does. */
  async function watch(args: readonly string[], isTerminal: boolean, enough: (out: string[]) => boolean) {
    const config = await program.write('shop.yaml', shopConfig(world));
    const stop = new AbortController();
    const out: string[] = [];
    const io = {
      env: {},
      cwd: program.folder(),
      person: 'tester@here',
      isTerminal,
      out: (text: string) => void out.push(text),
      err: (text: string) => void out.push(text),
      progress: () => undefined,
      signal: stop.signal,
    };
    const ended = runProgram([...args, '--config', config], io, '1.2.3');
    await waitFor(async () => enough(out), { what: 'enough looks' });
    stop.abort(new Error('SIGINT received'));
    return { code: await Promise.race([ended, wait(5_000, 'did not end')]), out };
  }

  it('prints one object a look when piped, without escape codes, until it is ended', async () => {
    const { code, out } = await watch(['status', '--watch', '--json'], false, (lines) => lines.length >= 2);
    expect(code).toBe(0);
    for (const line of out) expect(JSON.parse(line)).toMatchObject({ sources: [{ name: 'gifts' }] });
  });

  it('prints one block a look when piped, and ends with the code of the last state', async () => {
    await world.addGift({ status: 'pending' });
    await world.settle();
    await run(['reconcile', '--source', 'gifts']);
    const { code, out } = await watch(
      ['status', '--watch'],
      false,
      (lines) => lines.filter((l) => l === '').length >= 2,
    );
    expect(code).toBe(3);
    expect(out.join('\n')).not.toContain('\u001b');
    expect(out.filter((line) => line.startsWith('source '))).toHaveLength(2);
  });

  it('redraws on a terminal', async () => {
    const { code, out } = await watch(['status', '--watch'], true, (lines) => lines.length >= 2);
    expect(code).toBe(0);
    for (const screen of out) {
      expect(screen.startsWith('\u001b[H')).toBe(true);
      expect(screen.endsWith('\u001b[J')).toBe(true);
      expect(screen).toContain('Ctrl-C ends');
    }
  });
});
