/**
 * The benches. Each boots its own servers and compares with what one would write by hand, in the same run.
 * Prints a table, or with `--json` one object with every figure behind the ratios. Does not measure: see `pass.ts` and the
 * others.
 */
import { readEnvironment } from '../src/config.ts';
import { helpText, readArguments, type BenchRequest } from './arguments.ts';
import { benchFootprint, describeFootprint } from './footprint.ts';
import { benchGate, type GateBench } from './gate.ts';
import { describeMachine } from './machine.ts';
import { describePass } from './pass-table.ts';
import { benchPass } from './pass.ts';
import { benchRepairs, describeRepairs } from './repairs.ts';
import { benchScale, describeScale } from './scale.ts';
import { benchWorkers, describeWorkers } from './workers.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const asked = readArguments(process.argv.slice(2));

switch (asked.kind) {
  case 'help':
    process.stdout.write(`${helpText()}\n`);
    break;
  case 'refused':
    for (const problem of asked.problems) say(problem);
    say('See npm run bench -- --help.');
    process.exitCode = 2;
    break;
  case 'bench':
    await print(asked.request);
}

async function print(request: BenchRequest): Promise<void> {
  const before = describeMachine();
  const { figures, table } = await measure(request);
  const { load: loadAfter } = describeMachine();
  if (request.json) {
    const machine = { ...before, loadAfter };
    process.stdout.write(`${JSON.stringify({ bench: request.bench, machine, ...figures })}\n`);
  } else process.stdout.write(`${table.join('\n')}\n`);
}

async function measure(request: BenchRequest): Promise<{ figures: object; table: readonly string[] }> {
  const common = { env: readEnvironment(), say };
  switch (request.bench) {
    case 'pass': {
      const figures = await benchPass({ ...common, ...request.options });
      return { figures, table: describePass(figures) };
    }
    case 'scale': {
      const figures = await benchScale({ ...common, ...request.options });
      return { figures, table: describeScale(figures) };
    }
    case 'repairs': {
      const figures = await benchRepairs({ ...common, ...request.options });
      return { figures, table: describeRepairs(figures) };
    }
    case 'workers': {
      const figures = await benchWorkers({ ...common, ...request.options });
      return { figures, table: describeWorkers(figures) };
    }
    case 'footprint': {
      const figures = await benchFootprint({ ...common, ...request.options });
      return { figures, table: describeFootprint(figures) };
    }
    case 'gate': {
      const figures = await benchGate({ ...common, ...request.options });
      return { figures, table: describeGate(figures) };
    }
  }
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
