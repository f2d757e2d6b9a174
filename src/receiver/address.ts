/**
 * Which addresses a message may be sent to: public ones only, unless a receiver allows others.
 * Invariant kept: what is not known to be public is refused: loopback, private and unique-local networks, link-local and
 * with it the metadata of clouds, shared networks of providers, multicast, documentation, whatever embeds one of these.
 * Does not resolve names: see `checked-lookup.ts`.
 */
import { isIP } from 'node:net';

/** IPv4 networks that are not public (IANA's registry of special addresses), and what a cloud keeps in a public one. */
const specialV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  // Metadata and more of every virtual machine of Azure.
  '168.63.129.16/32',
].map(readNetwork);

/** All that is public in IPv6 lies in this network, but for the ones below it. */
const globalV6 = readNetwork('2000::/3');
const specialV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'].map(readNetwork);
/** Networks whose addresses end in one of IPv4, which is what is really reached: mapped, and translated (NAT64). */
const embeddingV6 = ['::ffff:0:0/96', '64:ff9b::/96'].map(readNetwork);

interface Network {
  readonly base: bigint;
  readonly ignoredBits: bigint;
}

/** Whether this is the text of an address, IPv4 or IPv6, that anybody on the internet could reach. */
export function isPublicAddress(text: string): boolean {
  const family = isIP(text);
  if (family === 4) return isPublicV4(readV4(text));
  // A zone is part of addresses that are not public.
  return family === 6 && !text.includes('%') && isPublicV6(readV6(text));
}

function isPublicV4(address: bigint): boolean {
  return !specialV4.some((network) => isIn(address, network));
}

function isPublicV6(address: bigint): boolean {
  if (embeddingV6.some((network) => isIn(address, network))) return isPublicV4(address & 0xffff_ffffn);
  return isIn(address, globalV6) && !specialV6.some((network) => isIn(address, network));
}

function isIn(address: bigint, { base, ignoredBits }: Network): boolean {
  return address >> ignoredBits === base >> ignoredBits;
}

function readNetwork(text: string): Network {
  const [address = '', length] = text.split('/');
  const isV4 = isIP(address) === 4;
  return {
    base: isV4 ? readV4(address) : readV6(address),
    ignoredBits: BigInt((isV4 ? 32 : 128) - Number(length)),
  };
}

function readV4(text: string): bigint {
  return text.split('.').reduce((address, part) => (address << 8n) | BigInt(part), 0n);
}

function readV6(text: string): bigint {
  const [head = '', tail] = withoutDots(text).split('::');
  const [left, right] = [partsOf(head), partsOf(tail ?? '')];
  const gap = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...gap, ...right].reduce((address, part) => (address << 16n) | BigInt(`0x${part}`), 0n);
}

function partsOf(text: string): string[] {
  return text === '' ? [] : text.split(':');
}

/** The last four bytes may be written as in IPv4. */
function withoutDots(text: string): string {
  return text.replace(/[\d.]+\.[\d.]+$/, (dotted) => {
    const address = readV4(dotted);
    return `${(address >> 16n).toString(16)}:${(address & 0xffffn).toString(16)}`;
  });
}
