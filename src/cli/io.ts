/**
 * What a command talks to: where it prints, what it was called with, when it must stop.
 */

export interface CommandIo {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Who called, for the journal: `user@host`. */
  readonly person: string;
  /** True when results are read by a person at a terminal. */
  readonly isTerminal: boolean;
  /** A line of result. */
  out(line: string): void;
  /** A line of progress or trouble. */
  err(line: string): void;
  /** A line that takes the place of the last such line, at a terminal only; an empty one clears it. */
  progress(line: string): void;
  /** Aborts on the first signal to stop. */
  readonly signal: AbortSignal;
}
