/**
 * The example of a gift service, run as its readers run it.
 */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { startProcess } from '../support/process-handle.ts';

it('prints what its page shows: one gift each, also where the warehouse’s answer was lost', async () => {
  const example = startProcess('examples/gift-claims/main.ts', {
    env: { DATABASE_URL: undefined, REDIS_URL: undefined, RECONCILER_CONFIG: undefined },
  });
  const { code } = await example.waitForEnd({ timeoutMs: 90_000 });
  const page = await readFile('examples/gift-claims/README.md', 'utf8');
  const shown = /main\.ts\n([^]*?)```/.exec(page)?.[1] ?? '';
  expect(shown.split('\n')).toHaveLength(9);
  const ours = example.lines().filter((line) => /^(user|somebody|the warehouse)/.test(line));
  expect(`${ours.join('\n')}\n`).toBe(shown);
  expect(code).toBe(0);
}, 100_000);
