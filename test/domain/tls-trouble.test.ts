/** What is said of a connection over TLS that was not made. */
import { expect, it } from 'vitest';
import { describeTlsTrouble } from '../../src/domain/tls-trouble.ts';

it.each(['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'])(
  'an authority that is not trusted (%s) can be named',
  (code) => {
    expect(describeTlsTrouble(code, 'cacert')).toMatch(/not signed by an authority .* as cacert=FILE$/);
  },
);

it('what a file would not help against is told without one', () => {
  expect(describeTlsTrouble('CERT_HAS_EXPIRED', 'cacert')).toBe('its certificate has expired');
});

it('other codes say nothing of TLS', () => {
  expect(describeTlsTrouble('ECONNREFUSED', 'cacert')).toBeNull();
});
