/**
 * Tries one place after the other where the programs of a server may come from, until a server runs.
 * Invariant kept: a program that is there but does not work is said and passed over, never the end of it; when none
 * works, the error names every place that was tried.
 */

/** A place where programs may be found or fetched from. */
export interface BinarySource<Binaries> {
  /** Where from, in words, for people: `/usr/lib/postgresql/15/bin`. */
  readonly origin: string;
  /** Null when there is nothing. May take long (a download); rejects when that fails. */
  find(): Promise<Binaries | null>;
}

/** Returns what `start` returned for the first source that works. */
export async function startFirstWorking<Binaries, Server>(options: {
  what: string;
  sources: readonly BinarySource<Binaries>[];
  start: (binaries: Binaries, origin: string) => Promise<Server>;
  say: (line: string) => void;
  advice: string;
}): Promise<Server> {
  const { what, sources, start, say, advice } = options;
  const failures: string[] = [];
  for (const source of sources) {
    try {
      const binaries = await source.find();
      if (binaries !== null) return await start(binaries, source.origin);
      failures.push(`${source.origin}: not there`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failures.push(`${source.origin}: ${reason}`);
      say(`${what} from ${source.origin} does not work here: ${lastLine(reason)}`);
    }
  }
  const tried = failures.map((failure) => `\n  ${failure.replaceAll('\n', '\n    ')}`).join('');
  throw new Error(`No ${what} could be started. Nothing was changed. ${advice} Tried:${tried}`);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? text;
}
