/**
 * Enqueuing the pass of a claimed slot: tried again while it is worth it.
 */
import { expect, it } from 'vitest';
import { enqueueInTime, type PassRequest } from '../../src/schedule/enqueue-in-time.ts';

const pass: PassRequest = { source: 'gifts', slot: new Date('2026-03-01T12:00:00Z') };
const open = new AbortController().signal;

it('goes on after failures, with the same slot', async () => {
  const seen: PassRequest[] = [];
  const result = await enqueueInTime(
    async (request) => {
      seen.push(request);
      if (seen.length < 3) throw new Error('not yet');
      return 'enqueued';
    },
    pass,
    30_000,
    open,
  );
  expect(result).toBe('enqueued');
  expect(seen).toEqual([pass, pass, pass]);
});

it('does not repeat what was skipped', async () => {
  expect(await enqueueInTime(async () => 'skipped', pass, 5_000, open)).toBe('skipped');
});

it('throws the last error rather than wait beyond its patience and run into the next slot', async () => {
  let tries = 0;
  const fail = async (): Promise<never> => {
    tries += 1;
    throw new Error(`failure ${tries}`);
  };
  await expect(enqueueInTime(fail, pass, 100, open)).rejects.toThrow('failure 1');
  expect(tries).toBe(1);
});

it('does not wait when it is called off', async () => {
  const calledOff = new AbortController();
  let tries = 0;
  const fail = async (): Promise<never> => {
    tries += 1;
    calledOff.abort();
    throw new Error('down');
  };
  await expect(enqueueInTime(fail, pass, 30_000, calledOff.signal)).rejects.toThrow('down');
  expect(tries).toBe(1);
});
