/**
 * The example of order grabbing, run as its readers run it.
 */
import { expect, it } from 'vitest';
import { startProcess } from '../support/process-handle.ts';

it('gives each order to one driver, and settles the one whose application died', async () => {
  const example = startProcess('examples/order-grabbing/main.ts', {
    env: { DATABASE_URL: undefined, REDIS_URL: undefined, RECONCILER_CONFIG: undefined },
  });
  const { code } = await example.waitForEnd({ timeoutMs: 90_000 });
  const output = example.output();
  expect(output).toContain('20 orders, 50 drivers for each: 20 grabs granted, 980 told "already claimed"');
  expect(output).toContain('order 21, driver 7: unknown');
  expect(output).toMatch(/in the table: pending[\s\S]*1 in_doubt[\s\S]*in the table: released/);
  expect(output).toContain('order 21, driver 8: granted');
  expect(output).not.toContain('trouble:');
  expect(code).toBe(0);
}, 100_000);
