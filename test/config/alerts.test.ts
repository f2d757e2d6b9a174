/**
 * The section `alerts`: who is told beside the log, and what never gets into a message.
 */
import { describe, expect, it } from 'vitest';
import { smallest, useFolder } from './written-config.ts';

const { load, complaints } = useFolder();

async function linesOf(alerts: string): Promise<readonly string[]> {
  return (await complaints(`${smallest}alerts: ${alerts}\n`)).lines;
}

const url = 'https://hooks.example/T0/B0/top-secret';

describe('alerts', () => {
  it.each(['', 'alerts: {}\n', 'alerts:\n', 'alerts: { receivers: {} }\n'])(
    'are told to the log alone: %j',
    async (text) => {
      const { alerts } = await load(`${smallest}${text}`);
      expect(alerts).toEqual({ receivers: [], runbook: 'docs/runbook.md' });
    },
  );

  it('are told to receivers, with every default', async () => {
    const { alerts } = await load(
      `${smallest}alerts: { receivers: { oncall: { kind: webhook, url: '${url}' } } }\n`,
    );
    expect(alerts.receivers).toEqual([
      { name: 'oncall', kind: 'webhook', url, secret: null, severity: 'warning', allowPrivate: false },
    ]);
  });

  it('that are not signed are allowed, with a warning', async () => {
    const receivers = `{ oncall: { kind: webhook, url: '${url}' }, chat: { kind: slack, url: '${url}' } }`;
    const { warnings } = await load(`${smallest}alerts: { receivers: ${receivers} }\n`);
    expect(warnings).toEqual([
      expect.stringMatching(/^alerts\.receivers\.oncall: its messages are not signed/),
    ]);
  });

  it('are told as it says, with the environment filled in', async () => {
    const text = `
alerts:
  runbook: https://wiki.example/claims
  receivers:
    pager: { kind: webhook, url: http://10.0.0.7/hook, secret: '\${HOOK_SECRET}', severity: critical, allowPrivate: true }
    chat: { kind: slack, url: '\${CHAT_URL}', severity: info }
`;
    const env = { HOOK_SECRET: 'sixteen-letters-and-more', CHAT_URL: url };
    const { alerts } = await load(`${smallest}${text}`, { env });
    expect(alerts).toEqual({
      runbook: 'https://wiki.example/claims',
      receivers: [
        {
          name: 'pager',
          kind: 'webhook',
          url: 'http://10.0.0.7/hook',
          secret: 'sixteen-letters-and-more',
          severity: 'critical',
          allowPrivate: true,
        },
        { name: 'chat', kind: 'slack', url, secret: null, severity: 'info', allowPrivate: false },
      ],
    });
  });

  it('are refused with all that is wrong at once, and no secret in it', async () => {
    const lines = await linesOf(`
  runbook: wiki#here
  recievers: {}
  receivers:
    On Call: { kind: webhook, url: '${url}' }
    pager: { kind: email, url: 'ftp://top-secret', secret: top-secret, severity: bad, allowPrivate: maybe }
    chat: { kind: slack, url: '${url}', secret: long-enough-top-secret }
`);
    const at = 'alerts.receivers';
    expect(lines).toEqual([
      `${at}.pager.kind: must be webhook or slack; it is "email"`,
      `${at}.pager.url: must be an HTTP address, such as https://hooks.example/claims`,
      `${at}.pager.secret: must be a secret of at least 16 characters, with which messages are signed`,
      `${at}.pager.severity: must be info, warning or critical; it is "bad"`,
      `${at}.pager.allowPrivate: must be true or false; it is "maybe"`,
      'alerts.runbook: must be the address of the run-book, such as https://wiki.example/claims, to which #<kind of alert> is added; it is "wiki#here"',
      'alerts.recievers: unknown key; did you mean receivers?',
      `${at}."On Call": the name of a receiver must begin with a small letter and hold only small letters, digits, _ and -, at most 63`,
      `${at}.chat.secret: goes with kind: webhook only; what a chat gets is not signed`,
    ]);
    expect(lines.join('\n')).not.toContain('top-secret');
  });

  it.each([
    [
      '{ receivers: [oncall] }',
      'alerts.receivers: must be a map with a key for each receiver, such as oncall; it is a list',
    ],
    [
      '{ receivers: { oncall: here } }',
      'alerts.receivers.oncall: must be a map with the keys kind, url, secret, severity, allowPrivate; it is a single value',
    ],
    ['[a]', 'alerts: must be a map with the keys receivers, runbook; it is a list'],
    [
      `{ receivers: { oncall: { url: '${url}' } } }`,
      'alerts.receivers.oncall.kind: is missing; it must be webhook or slack',
    ],
  ])('%s is refused', async (alerts, line) => {
    expect(await linesOf(alerts)).toEqual([line]);
  });
});
