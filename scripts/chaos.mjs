/**
 * `npm run chaos -- --seed N --minutes M`: one history of random faults, see test/chaos/nemesis.test.ts. Without a seed a new one is
 * drawn; it is printed, and strikes again in the same order.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { seed: { type: 'string' }, minutes: { type: 'string' } } });
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31));
const minutes = values.minutes ?? '5';
if (!/^\d+$/.test(seed) || !(Number(minutes) > 0)) {
  console.error('Usage: npm run chaos -- --seed N --minutes M (a whole number, and a number greater than 0)');
  process.exit(2);
}
console.log(
  `Faults for ${minutes} minutes; again with: npm run chaos -- --seed ${seed} --minutes ${minutes}`,
);
const env = { ...process.env, CHAOS_SEED: seed, CHAOS_MINUTES: minutes };
const { status } = spawnSync('npx', ['vitest', 'run', 'test/chaos/nemesis.test.ts'], {
  env,
  stdio: 'inherit',
});
process.exit(status ?? 1);
