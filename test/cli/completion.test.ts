/**
 * The script for bash, loaded in a real bash and asked as a Tab asks it; those for other shells by their text.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { useProgram } from './support/program.ts';

const program = useProgram();

/** What bash offers behind these words, the last of which is being written. */
async function complete(...words: string[]): Promise<string[]> {
  const { out } = await program.run(['completion', 'bash']);
  const script = await program.write('completion.bash', out.join('\n'));
  const ask = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _claim_reconciler; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['--noprofile', '--norc', '-c', ask, 'bash', script, 'claim-reconciler', ...words];
  const { stdout, stderr } = await promisify(execFile)('bash', args, { cwd: program.folder() });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

describe('bash', () => {
  it.each([
    [['rec'], ['reconcile']],
    [['re'], ['reconcile', 'rewind', 'report', 'resume', 'repair']],
    [['repair', 'r'], ['range']],
    [
      ['repair', 'range', '--f'],
      ['--from', '--force'],
    ],
    [
      ['repair', '--apply', 'range', '--f'],
      ['--from', '--force'],
    ],
    [['reconcile', '--source', 'repair', '--fr'], ['--from']],
    [['alerts', 'a'], ['acknowledge']],
    [['completion', '--h'], ['--help']],
    [['reconcile', '--source', ''], []],
    [
      ['nonsense', 'st'],
      ['status', 'start'],
    ],
  ])('%j offers %j', async (words, offered) => {
    expect((await complete(...words)).toSorted()).toEqual(offered.toSorted());
  });

  it('offers files behind an option that takes one', async () => {
    await program.write('shop.yaml', '');
    expect(await complete('check', '--config', 'shop')).toEqual(['shop.yaml']);
  });
});

describe('other shells', () => {
  it('zsh uses the same through its own bridge', async () => {
    const { out } = await program.run(['completion', 'zsh']);
    expect(out.slice(0, 3)).toEqual([
      '#compdef claim-reconciler',
      'autoload -U +X bashcompinit && bashcompinit',
      '_claim_reconciler() {',
    ]);
  });

  it('fish gets a line for each command and option, with its description', async () => {
    const { out } = await program.run(['completion', 'fish']);
    expect(out).toContainEqual(
      expect.stringMatching(/^complete -c claim-reconciler .* -f -a reconcile -d 'run one pass now/),
    );
    expect(out).toContainEqual(
      expect.stringMatching(
        /__fish_seen_subcommand_from repair; and .*range.* -f -l source -x -d 'the source'$/,
      ),
    );
  });

  it('that are not known are refused, with those that are', async () => {
    const { code, err } = await program.run(['completion', 'tcsh']);
    expect(code).toBe(2);
    expect(err.join('\n')).toContain('Allowed choices are bash, zsh, fish');
  });
});
