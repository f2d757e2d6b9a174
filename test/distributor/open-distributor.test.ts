/**
 * Distributors as sources name them: opened all together, refused all together.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { askWhatBecame } from '../../src/distributor/ask.ts';
import { openDistributor, openDistributors } from '../../src/distributor/open-distributor.ts';
import type { DistributorAddress } from '../../src/domain/source.ts';
import { reply, useGrantServer } from './grant-server.ts';

const server = useGrantServer();
const timeoutMs = 20_000;

function at(url: string): DistributorAddress {
  return { kind: 'http', url, headers: { 'x-shop': 'one' }, timeoutMs, retries: 0 };
}

function inModule(name: string): DistributorAddress {
  return { kind: 'module', file: fileURLToPath(new URL(name, import.meta.url)), timeoutMs };
}

describe('a distributor', () => {
  it('is opened from its address', async () => {
    server.will(reply(200, { answer: 'granted' }));
    const overHttp = await openDistributor(at(server.url()));
    expect(await askWhatBecame(overHttp, 'a', timeoutMs)).toEqual({ kind: 'granted' });
    expect(server.asked()[0]?.headers['x-shop']).toBe('one');
    const ofTheApplication = await openDistributor(inModule('always-yes.ts'));
    expect(await askWhatBecame(ofTheApplication, 'a', timeoutMs)).toEqual({ kind: 'granted' });
  });

  it('is opened although it is away', async () => {
    const away = await openDistributor({ ...at('http://127.0.0.1:1/grants') });
    expect(await askWhatBecame(away, 'a', timeoutMs)).toMatchObject({ kind: 'unknown' });
  });
});

describe('the distributors of sources', () => {
  it('are there by name, for the sources that have one', async () => {
    const opened = await openDistributors([
      { name: 'gifts', distributor: at(server.url()) },
      { name: 'orders', distributor: null },
      { name: 'seats', distributor: inModule('always-yes.ts') },
    ]);
    expect(Array.from(opened.keys()).toSorted()).toEqual(['gifts', 'seats']);
    expect(await openDistributors([])).toEqual(new Map());
  });

  it('are refused together', async () => {
    const opening = openDistributors([
      { name: 'seats', distributor: inModule('no-such-file.ts') },
      { name: 'gifts', distributor: at('gifts.internal') },
      { name: 'coupons', distributor: inModule('always-yes.ts') },
    ]);
    await expect(opening).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(
        /^Not every distributor can be used; nothing was started or changed:\n {2}- sources\.gifts\.distributor: The URL .*\n {2}- sources\.seats\.distributor: The module .*no-such-file\.ts cannot be used: .*\.$/,
      ),
    });
  });
});
