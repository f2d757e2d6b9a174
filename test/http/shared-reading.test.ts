/**
 * Sharing, freshness and deadline of a reading.
 */
import { expect, test } from 'vitest';
import { shareReading } from '../../src/http/shared-reading.ts';
import { waitFor } from '../support/wait-for.ts';

const patient = { freshMs: 0, deadlineMs: 20_000, what: 'the state' };

test('everybody who asks while a reading is under way shares it', async () => {
  const readings: ((value: number) => void)[] = [];
  const read = shareReading(() => new Promise<number>((resolve) => readings.push(resolve)), patient);
  const asked = [read(), read(), read()];
  expect(readings).toHaveLength(1);
  readings[0]?.(7);
  expect(await Promise.all(asked)).toEqual([7, 7, 7]);
  void read();
  expect(readings).toHaveLength(2);
});

test('a reading is good for a moment', async () => {
  let count = 0;
  const read = shareReading(async () => (count += 1), { ...patient, freshMs: 600_000 });
  expect([await read(), await read()]).toEqual([1, 1]);
});

test('a reading that failed is told to those who asked and never kept', async () => {
  let count = 0;
  const read = shareReading(
    async () => {
      count += 1;
      if (count === 1) throw new Error('down');
      return count;
    },
    { ...patient, freshMs: 600_000 },
  );
  await expect(read()).rejects.toThrow('down');
  expect(await read()).toBe(2);
});

test('whoever asks is answered by the deadline; one hanging reading is not followed by a second', async () => {
  let resolve: (value: string) => void = () => undefined;
  let count = 0;
  const read = shareReading(
    () => {
      count += 1;
      return new Promise<string>((done) => (resolve = done));
    },
    { freshMs: 600_000, deadlineMs: 20, what: 'the state' },
  );
  await expect(read()).rejects.toThrow('Reading the state took longer than 20 ms.');
  await expect(read()).rejects.toMatchObject({ code: 'timed_out' });
  expect(count).toBe(1);
  resolve('late');
  expect(await waitFor(read, { what: 'the late reading' })).toBe('late');
});

test('a reading that fails after the deadline is no unhandled rejection', async () => {
  let reject: (error: Error) => void = () => undefined;
  const reading = new Promise<never>((_, fail) => (reject = fail));
  const read = shareReading(() => reading, { ...patient, deadlineMs: 5 });
  await expect(read()).rejects.toMatchObject({ code: 'timed_out' });
  reject(new Error('late and failed'));
  await expect(reading).rejects.toThrow('late and failed');
});
