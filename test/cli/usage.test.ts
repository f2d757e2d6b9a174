/**
 * The command line before anything is opened: help, wrong usage, wrong configuration.
 */
import { describe, expect, it } from 'vitest';
import { useProgram } from './support/program.ts';

const program = useProgram();

const commands = [
  ['demo'],
  ['start'],
  ['adopt'],
  ['check'],
  ['migrate'],
  ['reconcile'],
  ['repair', 'range'],
  ['repair', 'claim'],
  ['repair', 'marker'],
  ['undo'],
  ['rewind'],
  ['report'],
  ['resume'],
  ['status'],
  ['explain', 'claim'],
  ['explain', 'marker'],
  ['alerts'],
  ['alerts', 'acknowledge'],
];

describe('help', () => {
  it('shows all commands and all exit codes', async () => {
    const { code, out, err } = await program.run(['--help']);
    expect(code).toBe(0);
    expect(err).toEqual([]);
    const text = out.join('\n');
    for (const [name = ''] of commands) expect(text).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    for (const exit of [
      '0 consistent or all repaired',
      '1 operating error',
      '2 usage or configuration',
      '3 discrepancies remain',
      '4\nthe brake stopped it',
      '5 another holder has the lease',
      '6 checkpoint refused',
    ]) {
      expect(text.replaceAll(/\s+/g, ' ')).toContain(exit.replaceAll(/\s+/g, ' '));
    }
  });

  it.each(commands)('is there for %s %s, with --config and --json', async (...names) => {
    const { code, out } = await program.run([...names, '--help']);
    expect(code).toBe(0);
    expect(out.join('\n')).toContain('--config <file>');
    expect(out.join('\n')).toContain('--json');
  });

  it.each([
    ['adopt'],
    ['status'],
    ['explain'],
    ['explain', 'claim'],
    ['explain', 'marker'],
    ['alerts'],
    ['alerts', 'acknowledge'],
    ['repair'],
    ['repair', 'range'],
    ['repair', 'claim'],
    ['repair', 'marker'],
  ])('has examples for %s %s', async (...names) => {
    const { out } = await program.run([...names, '--help']);
    expect(out.join('\n')).toMatch(/Examples:\n {2}claim-reconciler /);
  });

  it('gives the version', async () => {
    expect(await program.run(['--version'])).toMatchObject({ code: 0, out: ['1.2.3'] });
  });
});

describe('wrong usage exits 2 and says what is wrong', () => {
  it.each([
    ['no command', [], 'Usage: claim-reconciler'],
    ['an unknown command', ['recncile'], 'Did you mean reconcile?'],
    ['an unknown option', ['reconcile', '--forse'], 'Did you mean --force?'],
    ['an argument too many', ['status', 'gifts'], 'too many arguments'],
    ['an option without its value', ['reconcile', '--source'], 'argument missing'],
    ['repair without a target', ['repair'], 'Usage: claim-reconciler repair'],
    ['repair of an unknown target', ['repair', 'everything'], 'unknown command'],
    ['repair without a source', ['repair', 'claim', '1'], "required option '--source <name>'"],
    ['repair of a range without its end', ['repair', 'range', '--from', '1', '--source', 'g'], '--to <id>'],
    [
      'a plan and a target',
      ['repair', '--plan', 'p.json', 'claim', '1', '--source', 'g'],
      '--plan names all',
    ],
    ['completion without a shell', ['completion'], "missing required argument 'shell'"],
    ['adopt without a table', ['adopt'], "required option '--table <name>'"],
    ['rewind without a source', ['rewind', '--by', '1h'], '--source <name>'],
    ['explain without a source', ['explain', 'claim', '1'], '--source <name>'],
    ['explain of nothing', ['explain'], 'Usage: claim-reconciler explain'],
    ['an alert that is not named', ['alerts', 'acknowledge'], "missing required argument 'id'"],
    ['resume without a source', ['resume'], '--source <name>'],
    ['a report without its attempt', ['report', '--source', 'g', '--marker', 'g:1'], '--attempt <id>'],
  ])('%s', async (_, args, words) => {
    const { code, out, err } = await program.run(args);
    expect(code).toBe(2);
    expect(out).toEqual([]);
    expect(err.join('\n')).toContain(words);
  });
});

describe('a wrong configuration', () => {
  const wrong = `
database: { url: mysql://app:secret@db/claims }
markerRedis: { url: redis://:secret@127.0.0.1:6379/0 }
sources:
  gifts:
    tabel: gift_claim
    columns: { id: id, attempt: attempt_id, status: status, expiresAt: expires_at }
    marker: { key: 'gift:{uid}', value: '{attempt_id}' }
    statuses: { granted: granted }
    grace: soon
    schedule: '61 * * * * *'
`;

  it.each(commands.filter(([name]) => name !== 'demo'))(
    'exits 2 with all of its problems at once for %s %s',
    async (...names) => {
      const path = await program.write('wrong.yaml', wrong);
      const needed = {
        adopt: ['--table', 'gift_claim'],
        range: ['--source', 'gifts', '--from', '1', '--to', '2'],
        claim: ['1', '--source', 'gifts'],
        marker: ['gift:1', '--source', 'gifts'],
        rewind: ['--source', 'gifts', '--by', '1h'],
        report: ['--source', 'gifts', '--marker', 'gift:1', '--attempt', 'a1', '--reason', 'DEL timed out'],
        resume: ['--source', 'gifts'],
        undo: ['--repair', '1'],
        acknowledge: ['1'],
      };
      const more = Object.entries(needed).find(([name]) => name === names.at(-1))?.[1] ?? [];
      const { code, out, err } = await program.run([...names, ...more, '--config', path]);
      const text = err.join('\n');
      expect(code).toBe(2);
      expect(out).toEqual([]);
      for (const place of ['database.url', 'gifts.tabel', 'gifts.mode', 'gifts.grace', 'gifts.schedule']) {
        expect(text).toContain(place);
      }
      expect(text).toContain('did you mean table');
      expect(text).not.toContain('secret');
    },
  );

  it('is told as one JSON object with --json', async () => {
    const path = await program.write('wrong.yaml', wrong);
    const { code, out, err } = await program.run(['check', '--json', '--config', path]);
    expect(code).toBe(2);
    expect(out).toEqual([]);
    expect(JSON.parse(err.join('\n'))).toMatchObject({ error: { code: 'configuration' } });
  });

  it('that is not there is named, wherever it was looked for', async () => {
    const byName = await program.run(['check', '--config', 'nowhere.yaml']);
    expect(byName.code).toBe(2);
    expect(byName.err.join('\n')).toContain('nowhere.yaml');
    const byVariable = await program.run(['check'], { env: { RECONCILER_CONFIG: 'elsewhere.yaml' } });
    expect(byVariable.code).toBe(2);
    expect(byVariable.err.join('\n')).toContain('elsewhere.yaml');
    const usual = await program.run(['check']);
    expect(usual.code).toBe(2);
    expect(usual.err.join('\n')).toContain('reconciler.config.yaml');
  });
});
