/**
 * `npm run soak -- --minutes M [--seed N]`: traffic and faults for so long, and a table of what the daemons took, see
 * test/chaos/soak.test.ts. Ends with 0 when nothing grew and no invariant was broken.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } });
const { minutes = '15', seed = '1' } = values;
if (!/^\d+$/.test(seed) || !(Number(minutes) > 0)) {
  console.error('Usage: npm run soak -- --minutes M --seed N (a number greater than 0, and a whole number)');
  process.exit(2);
}
const env = { ...process.env, SOAK_MINUTES: minutes, SOAK_SEED: seed };
const { status } = spawnSync('npx', ['vitest', 'run', 'test/chaos/soak.test.ts'], { env, stdio: 'inherit' });
process.exit(status ?? 1);
