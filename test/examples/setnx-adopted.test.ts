/**
 * The example of a hand-written flow, run as its readers run it.
 */
import { expect, it } from 'vitest';
import { startProcess } from '../support/process-handle.ts';

it('adopts a table that nobody prepared, finds what was broken in it, and puts it right', async () => {
  const example = startProcess('examples/setnx-adopted/main.ts', {
    env: { DATABASE_URL: undefined, REDIS_URL: undefined, RECONCILER_CONFIG: undefined },
  });
  const { code } = await example.waitForEnd({ timeoutMs: 90_000 });
  const output = example.output();
  expect(output).toContain('User 2 got nothing, asks again, and is told: already claimed');
  for (const verdict of ['immortal_marker', 'missing_marker', 'orphan_marker'])
    expect(output).toMatch(new RegExp(`${verdict} +10 +33\\.3 %`));
  expect(output).toMatch(/repairs {2}30 applied[\s\S]*judged {3}190: all consistent/);
  expect(output).toContain('User 2 asks again, and is told: granted');
  expect(output).toContain('10 markers of requests that died before the row are still there');
  expect(code).toBe(0);
}, 100_000);
