/**
 * From the name of a host to the addresses that may be connected to.
 * Invariant kept: the connection goes to an address that was checked, and is not resolved a second time: a name that
 * answers with another address then (DNS rebinding) gains nothing. One address that is not public refuses the name.
 */
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './address.ts';

/** All addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export type CheckedHost =
  | { readonly kind: 'usable'; readonly lookup: LookupFunction }
  | { readonly kind: 'refused'; readonly reason: string };

export const resolveByDns: Resolve = async (hostname) => {
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
};

/** Rejects when the name cannot be resolved. @param hostname as in a URL: an IPv6 address in brackets */
export async function checkHost(
  hostname: string,
  allowPrivate: boolean,
  resolve: Resolve,
): Promise<CheckedHost> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(literal) === 0 ? await resolve(hostname) : [literal];
  if (addresses.length === 0) return { kind: 'refused', reason: 'its name has no address' };
  if (!allowPrivate && !addresses.every(isPublicAddress)) {
    const reason = 'its address is not a public one; allowPrivate: true allows that';
    return { kind: 'refused', reason };
  }
  return { kind: 'usable', lookup: answerWith(addresses) };
}

function answerWith(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, options, answer) => {
    const [first] = found;
    if (options.all === true) answer(null, found);
    else answer(null, first?.address ?? '', first?.family ?? 0);
  };
}
