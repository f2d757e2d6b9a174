/** What process-handle.test.ts runs: says hello, repeats its input, ends in order on SIGTERM with exit code 3. */
process.stdout.write(
  `hello ${process.argv[2]} ${process.env['GREETING']} ${process.env['VITEST'] ?? 'alone'}\n`,
);
process.stdin.setEncoding('utf8').on('data', (text) => process.stderr.write(`heard ${text.toString()}`));
process.once('SIGTERM', () => process.exit(3));
