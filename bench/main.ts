/**
 * The benches: `npm run bench` (a pass), `npm run bench -- gate` (claims through the gate). Each boots its own servers and
 * compares with what one would write by hand, in the same run. `--json` prints one object with every figure behind the
 * ratios; `--rows N` (or `--claims N`) and `--repeats N` set the size.
 * Does not measure: see `pass.ts` and `gate.ts`.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { readEnvironment } from '../src/config.ts';
import { benchGate, type GateBench } from './gate.ts';
import { median } from './median.ts';
import { benchPass, type PassBench } from './pass.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '200000' },
    claims: { type: 'string', default: '3000' },
    repeats: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const repeats = Number(values.repeats);
const common = { env: readEnvironment(), repeats, say };
const machine = { cpus: cpus().length, node: process.version };

const [what = 'pass'] = positionals;
if (what === 'pass') print(await benchPass({ ...common, rows: Number(values.rows) }), describePass);
else if (what === 'gate') print(await benchGate({ ...common, claims: Number(values.claims) }), describeGate);
else throw new Error(`There is no bench ${JSON.stringify(what)}: pass or gate.`);

function print<Figures extends object>(figures: Figures, describe: (figures: Figures) => string[]): void {
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, ...figures })}\n`);
  else for (const line of describe(figures)) say(line);
}

function describePass({ ratios, rowsPerSecond }: PassBench): string[] {
  const line = (words: string, name: keyof PassBench['rowsPerSecond'], times: string): string =>
    `${words.padEnd(52)}${Math.round(median(rowsPerSecond[name])).toString().padStart(9)} rows/s  ${times}`;
  return [
    line('a pass', 'ours', ''),
    line(
      'pages of 1,000, pipelined GET and PTTL, no overlap',
      'batched',
      `ours is ${ratios.batched} times as fast`,
    ),
    line('row by row: await get, await pttl', 'rowByRow', `ours is ${ratios.rowByRow} times as fast`),
  ];
}

function describeGate(bench: GateBench): string[] {
  const line = (words: string, perSecond: number, more: string): string =>
    `${words.padEnd(52)}${Math.round(perSecond).toString().padStart(9)} claims/s  ${more}`;
  return [
    line('by hand: SET NX PX, distributor, INSERT', bench.byHand, ''),
    line('through the gate', bench.gate, `takes ${bench.ratios.claim} times as long`),
    line('by hand, blocked', bench.byHandBlocked, ''),
    line(
      'through the gate, blocked',
      bench.gateBlocked,
      `takes ${bench.ratios.blocked} times as long; ${bench.roundTripsPerBlocked} round trip to Redis each`,
    ),
  ];
}
