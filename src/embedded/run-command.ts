/**
 * Runs a program to its end and returns what it printed.
 * Invariant kept: it ends within its time limit, and it never reads from the terminal.
 */
import { execFile } from 'node:child_process';

/** Standard output of the program. Rejects with its last words when it fails or takes longer than `timeoutMs`. */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string; timeoutMs: number },
): Promise<string> {
  const { env, cwd = '/', timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const settings = { env, cwd, timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024, encoding: 'utf8' } as const;
    const child = execFile(file, args, settings, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${file} failed: ${stderr.trim() || error.message}`));
    });
    child.stdin?.end();
  });
}
