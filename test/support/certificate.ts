/**
 * Certificates made by hand for servers with TLS: an authority of one's own, and what it signs. As X.509 wants it, and no
 * more: elliptic keys, names, and the addresses they stand for.
 */
import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface Certificate {
  /** As files hold them. */
  readonly pem: string;
  readonly keyPem: string;
}

export interface Authority extends Certificate {
  /** Signs a server's certificate; by default for 127.0.0.1 and localhost, valid today. */
  readonly issue: (changes?: Partial<Issued>) => Certificate;
}

interface Issued {
  readonly address: string;
  readonly host: string;
  readonly validUntil: Date;
}

const dayMs = 86_400_000;

export function makeAuthority(name: string): Authority {
  const key = newKey();
  const basic = extension('2.5.29.19', sequence(tlv(0x01, Buffer.from([0xff]))), true);
  const own = certify({ subject: name, issuer: name, key, signer: key, extensions: [basic] });
  return {
    pem: own,
    keyPem: pemOfKey(key),
    issue: ({ address = '127.0.0.1', host = 'localhost', validUntil } = {}) => {
      const ownKey = newKey();
      const names = sequence(
        tlv(0x87, Buffer.from(address.split('.').map(Number))),
        tlv(0x82, Buffer.from(host, 'ascii')),
      );
      const pem = certify({
        subject: host,
        issuer: name,
        key: ownKey,
        signer: key,
        extensions: [extension('2.5.29.17', names, false)],
        ...(validUntil === undefined ? {} : { validUntil }),
      });
      return { pem, keyPem: pemOfKey(ownKey) };
    },
  };
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
}

function pemOfKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function certify(about: {
  readonly subject: string;
  readonly issuer: string;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly validUntil?: Date;
}): string {
  const until = about.validUntil ?? new Date(Date.now() + 30 * dayMs);
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(about.issuer),
    sequence(time(new Date(until.getTime() - 60 * dayMs)), time(until)),
    nameOf(about.subject),
    createPublicKey(about.key).export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...about.extensions)),
  );
  const der = sequence(body, algorithm, bits(sign('sha256', body, about.signer)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function nameOf(text: string): Buffer {
  return sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(text)))));
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  const critical = isCritical ? [tlv(0x01, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...critical, tlv(0x04, value));
}

function time(at: Date): Buffer {
  return tlv(0x17, Buffer.from(`${at.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = rest.flatMap((part) => {
    const digits = [part % 128];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift((left % 128) + 128);
    }
    return digits;
  });
  return tlv(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

function bits(content: Buffer): Buffer {
  return tlv(0x03, Buffer.concat([Buffer.from([0]), content]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

/** Tag, length, value. */
function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
