/**
 * `demo`: everything on one machine, from nothing to a balance; with `--through-gate` the claims are played through the gate.
 */
import { runReplay } from '../../demo/replay/run-replay.ts';
import { runDemo } from '../../demo/run-demo.ts';
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { OperatingError } from '../../domain/operating-error.ts';
import type { CommandIo } from '../io.ts';
import { reportError, type CommonOptions } from '../run-command.ts';

export interface DemoCommandOptions extends CommonOptions {
  readonly once?: boolean;
  readonly claims?: string;
  readonly seed: string;
  readonly throughGate?: boolean;
}

/** Exit code 0 when the table balances, 3 when it does not. */
export async function runDemoCommand(options: DemoCommandOptions, io: CommandIo): Promise<ExitCode> {
  try {
    const seed = Number(options.seed);
    if (!Number.isInteger(seed)) {
      throw new OperatingError('configuration', `--seed ${options.seed} is not a whole number.`);
    }
    const run = options.throughGate === true ? runReplay : runDemo;
    const balanced = await run({
      env: io.env,
      claimsFile: options.claims ?? null,
      seed,
      stays: io.isTerminal && options.once !== true,
      out: (line) => io.out(line),
      signal: io.signal,
    });
    return balanced ? exitCodes.ok : exitCodes.discrepanciesRemain;
  } catch (error) {
    return reportError(error, io, options.json === true);
  }
}
