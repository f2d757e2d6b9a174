/**
 * One history: traffic through the gates and two daemons, a sequence of faults by seed, then everything is whole again, a
 * person resumes what the brake stopped, and all must settle. The same seed strikes in the same order; what happens between two
 * strikes is up to the machine.
 */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultNamespace } from '../../../src/domain/open-claim.ts';
import { inTransaction } from '../../../src/postgres/connect.ts';
import { liftBrake } from '../../../src/postgres/brake.ts';
import type { Program } from '../../cli/support/program.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { toLines } from '../../support/history/events.ts';
import { waitFor } from '../../support/wait-for.ts';
import { unsettled, wrongsIn } from '../support/gate-world.ts';
import { faults } from './faults.ts';
import { wrongsInHistory } from './judge-history.ts';
import { sampleStage } from './sample-stage.ts';
import type { Sample } from './soak-verdict.ts';
import { limits, openStage, type BrakeLimits, type Stage } from './stage.ts';

export interface History {
  readonly seed: number;
  readonly strikes: readonly string[];
  /** Things that were handed out. */
  readonly granted: number;
  /** Repairs that were applied. */
  readonly repaired: number;
  /** From the end of the faults until everything was settled. */
  readonly settledInMs: number;
  /** By how much the clock of each daemon was off. */
  readonly clockOffsetsMs: readonly number[];
  /** What was recorded. */
  readonly events: number;
  /** What it took while the faults were on, every two seconds. */
  readonly samples: readonly Sample[];
  /** Against an invariant, in words. Nothing is there that should be. */
  readonly wrongs: readonly string[];
}

export interface NemesisOptions {
  /** Whether another fault strikes, after so many. */
  readonly goesOn: (strikes: number) => boolean;
  /** Which faults there are; all of them unless given. */
  readonly strikesWith?: (fault: string) => boolean;
  readonly say: (line: string) => void;
  /** Told what was sampled, before it is waited for that all settles. */
  readonly onSamples?: (samples: readonly Sample[]) => void;
  /** Of the brake; `limits` unless given. */
  readonly brake?: BrakeLimits;
}

/** Far more than any backoff, lease or time-out of what has to settle. */
const settleWithinMs = 180_000;
/** A busy machine takes its time to start four processes. */
const readyWithinMs = 120_000;

export async function runNemesis(
  program: Program,
  random: SeededRandom,
  options: NemesisOptions,
): Promise<History> {
  const { brake = limits, say } = options;
  const stage = await openStage(program, random, brake);
  try {
    for (const at of [0, 1]) {
      stage.startDaemon(at);
      stage.startGate(at);
    }
    for (const daemon of stage.daemons)
      await daemon.waitForLine('watches gifts', { timeoutMs: readyWithinMs });
    await untilGranted(stage, 10);
    const sampling = sampleStage(stage);
    const strikes = await strike(stage, random, options);
    const samples = await sampling.stop();
    options.onSamples?.(samples);
    const overLimit = await limitsExceeded(stage, brake);
    stage.recording.mark('the faults are over');
    const faultsEndedMs = Date.now();
    const settledInMs = await settle(stage);
    const stopped = await stopDaemons(stage);
    const events = await stage.recording.read();
    const unlawful = wrongsInHistory(events, faultsEndedMs);
    if (unlawful.length > 0) {
      const path = join(tmpdir(), `nemesis-${random.seed}.jsonl`);
      await writeFile(path, toLines(events));
      say(`the history is in ${path}`);
    }
    const drift = await readAgain(stage, program);
    const repairs = await stage.world.repairs();
    return {
      seed: random.seed,
      strikes,
      granted: grantedOf(stage),
      repaired: repairs.filter(({ outcome }) => outcome === 'applied').length,
      settledInMs,
      clockOffsetsMs: stage.clockOffsetsMs,
      events: events.length,
      samples,
      wrongs: [
        ...overLimit,
        ...stopped,
        ...unlawful,
        ...drift,
        ...(await wrongsIn(stage.world, stage.distributor)),
      ],
    };
  } finally {
    await stage.close();
  }
}

async function strike(
  stage: Stage,
  random: SeededRandom,
  { goesOn, say, strikesWith = () => true }: NemesisOptions,
): Promise<string[]> {
  const names = Object.keys(faults).filter(strikesWith);
  const strikes: string[] = [];
  while (goesOn(strikes.length)) {
    const name = random.pick(names);
    say(`${strikes.length + 1}. ${name}`);
    stage.recording.mark(name);
    await faults[name]?.(stage, random);
    strikes.push(name);
    await untilGranted(stage, 10);
  }
  return strikes;
}

function grantedOf({ distributor }: Stage): number {
  return [...distributor.book().values()].filter(({ answer }) => answer === 'granted').length;
}

/** The applications get on: what was struck has not stopped them for good. */
async function untilGranted(stage: Stage, count: number): Promise<void> {
  const before = grantedOf(stage);
  await waitFor(() => grantedOf(stage) >= before + count, {
    what: `${count} more grants\n${stage.gates.map((gate) => gate.output().slice(-500)).join('\n')}`,
    timeoutMs: 60_000,
  });
}

/** Nobody has lifted the brake so far: the limits hold over both daemons, whatever happened to them. */
async function limitsExceeded({ world }: Stage, brake: BrakeLimits): Promise<string[]> {
  const applied = (await world.repairs()).filter(({ outcome }) => outcome === 'applied');
  const byPass = new Map<string | null, number>();
  for (const { passId } of applied) byPass.set(passId, (byPass.get(passId) ?? 0) + 1);
  return [
    ...(applied.length > brake.repairsPerHour ? [`${applied.length} repairs in an hour`] : []),
    ...[...byPass]
      .filter(([, count]) => count > brake.repairsPerPlan)
      .map(([pass, count]) => `${count} repairs of pass ${pass}`),
  ];
}

/** No more traffic and no more faults; a person resumes as often as the brake stops. Returns how long it took. */
async function settle(stage: Stage): Promise<number> {
  for (const gate of stage.gates) await gate.kill();
  const { world } = stage;
  const began = performance.now();
  await waitFor(
    async () => {
      await inTransaction(world.pool, async (client) => liftBrake(client, 'gifts', 60_000, 'nemesis'));
      await world.makeDue();
      const left = await unsettled(world, defaultNamespace);
      if (left !== null) throw new Error(JSON.stringify(left).slice(0, 1_000));
      return true;
    },
    { what: 'everything to be settled', timeoutMs: settleWithinMs, intervalMs: 500 },
  ).catch((cause: unknown) => {
    const said = stage.daemons.map((daemon) => daemon.output().slice(-3_000)).join('\n');
    throw new Error(`not everything was settled; the daemons said last:\n${said}`, { cause });
  });
  return performance.now() - began;
}

async function stopDaemons({ daemons }: Stage): Promise<string[]> {
  const wrongs: string[] = [];
  for (const daemon of daemons) {
    daemon.signal('SIGTERM');
    const { code, signal } = await daemon.waitForEnd({ timeoutMs: 30_000 });
    if (code !== 0) wrongs.push(`a daemon ended with ${code ?? signal}:\n${daemon.output().slice(-2_000)}`);
    const leak = daemon.lines().find((line) => line.includes('MaxListenersExceededWarning'));
    if (leak !== undefined) wrongs.push(leak);
  }
  return wrongs;
}

/** All over again, by hand: there is nothing left to find. */
async function readAgain({ config, world }: Stage, program: Program): Promise<string[]> {
  await world.settle(1_000);
  const { code, out, err } = await program.run(['reconcile', '--from', 'beginning', '--config', config]);
  return code === 0 ? [] : [`reading again exits with ${code}: ${[...out, ...err].join('\n')}`];
}
