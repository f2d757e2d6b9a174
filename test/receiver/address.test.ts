/**
 * Which addresses are public, however they are written.
 */
import { describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../src/receiver/address.ts';
import { chooseSeed, createRandom } from '../support/seeded-random.ts';

describe('an address', () => {
  it.each([
    ['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0', '168.63.129.15'],
    ['192.167.255.255', '223.255.255.255', '11.0.0.0', '198.17.255.255', '198.20.0.0', '126.255.255.255'],
    ['2606:4700:4700::1111', '2a00:1450:4001:81b::200e', '2001:4860:4860::8888', '2003::1'],
    ['::ffff:8.8.8.8', '::ffff:808:808', '64:ff9b::8.8.8.8', '0:0:0:0:0:FFFF:0808:0808'],
  ])('is public: %s, %s, %s, %s', (...addresses) => {
    for (const address of addresses) expect([address, isPublicAddress(address)]).toEqual([address, true]);
  });

  it.each([
    [
      'loopback',
      ['127.0.0.1', '127.255.255.255', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1'],
    ],
    ['this host', ['0.0.0.0', '0.1.2.3', '::', '::ffff:0:0', '::127.0.0.1']],
    [
      'private',
      ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1'],
    ],
    ['unique-local', ['fc00::1', 'fd12:3456::1', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']],
    ['link-local', ['169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1', '2606:4700::1%eth0']],
    ['site-local', ['fec0::1']],
    ['shared by a provider', ['100.64.0.1', '100.127.255.255']],
    ['metadata', ['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '192.0.0.192', '168.63.129.16']],
    ['embedding a private one', ['2002:7f00:1::', '2001:0:7f00:1::', '64:ff9b:1::1']],
    ['many at once', ['224.0.0.1', '239.1.1.1', '255.255.255.255', 'ff02::1']],
    [
      'for documentation and tests',
      ['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1', '3fff::1'],
    ],
    ['reserved', ['240.0.0.1', '4000::1', '8000::1', '100::1', '5f00::1']],
    ['no address', ['', 'localhost', '0x7f.1', '2130706433', '127.1', '010.0.0.1', '1.2.3', '[::1]', '::g']],
  ])('is not public: %s', (_what, addresses) => {
    for (const address of addresses) expect([address, isPublicAddress(address)]).toEqual([address, false]);
  });

  it('of IPv4 is judged the same however it is mapped into IPv6', () => {
    const random = createRandom(chooseSeed('mapped addresses'));
    for (let count = 0; count < 5_000; count += 1) {
      const [a = 0, b = 0, c = 0, d = 0] = Array.from({ length: 4 }, () => random.integer(0, 255));
      const v4 = `${a}.${b}.${c}.${d}`;
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      for (const mapped of [`::ffff:${v4}`, `::FFFF:${hex}`, `0:0:0:0:0:ffff:${hex}`, `64:ff9b::${hex}`]) {
        expect([mapped, isPublicAddress(mapped)]).toEqual([mapped, isPublicAddress(v4)]);
      }
    }
  });
});
