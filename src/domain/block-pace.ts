/**
 * How many claims one command compares in the marker Redis, so that it holds that server for no longer than it should.
 * Other clients wait while a script runs: the size of a block is what they feel.
 */

export interface BlockLimits {
  readonly linesMin: number;
  readonly linesMax: number;
  /** How long one command may hold the server, in milliseconds of the server's own time. */
  readonly serverMs: number;
}

/** What one command took. */
export interface BlockTaken {
  readonly lines: number;
  /** By the server's clock, in milliseconds; 0 where that is too coarse to tell. */
  readonly serverMs: number;
}

/** A single slow command may be chance; and what was slow a moment ago may be so again. */
const shrinkAtMost = 0.5;
const growAtMost = 1.1;

/**
 * The size of the next block: as many claims as fit into the time, by what the last command took for each, but at most half
 * as few and a tenth more than now.
 * @param lines of the blocks that are sent now
 * @returns a whole number within the limits
 */
export function nextBlockLines(lines: number, taken: BlockTaken, limits: BlockLimits): number {
  const fitting = (taken.lines * limits.serverMs) / taken.serverMs;
  const next = Math.min(Math.max(fitting, lines * shrinkAtMost), lines * growAtMost + 1);
  return Math.floor(Math.min(Math.max(next, limits.linesMin), limits.linesMax));
}
