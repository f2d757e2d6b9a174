/**
 * URLs of a Redis that is found through several hosts: through Sentinels, or as a Cluster.
 *   redis+sentinel://user:password@host:26379,host:26379/name-of-the-primary/0?sentinelPassword=…
 *   redis+cluster://user:password@host:6379,host:6379
 * and the same with `rediss` for TLS. URLs of one server (`redis://`) are the client's own to read.
 * Invariant kept: nothing of the URL gets into a problem but the names of parameters; any other part may be a password.
 */
import { didYouMean } from './nearest-name.ts';

export interface RedisHost {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/** A Redis of several hosts. */
export interface RedisHosts {
  readonly kind: 'sentinel' | 'cluster';
  readonly isTls: boolean;
  /** At least one. */
  readonly hosts: readonly RedisHost[];
  /** What Sentinels call the primary; empty for a Cluster. */
  readonly primaryName: string;
  /** Of the servers that hold the data; null where none is given. */
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
  /** What stands behind the question mark, by name. */
  readonly parameters: ReadonlyMap<string, string>;
}

export type RedisUrlReading = { readonly hosts: RedisHosts } | { readonly problems: readonly string[] };

const shape =
  /^(redis|rediss)\+(sentinel|cluster):\/\/(?:(.*)@)?([^/?#@]*)(?:\/([^/?#]*)(?:\/([^/?#]*))?)?(?:\?([^#]*))?$/i;
const hostShape = /^(?:([\w.-]+)|\[([\da-f:.]+)\])(?::(\d{1,5}))?$/i;
const fileParameters = ['cacert', 'cert', 'key'];
const sentinelParameters = ['sentinelUsername', 'sentinelPassword'];
const defaultPorts = { sentinel: 26_379, cluster: 6379 } as const;

/** Null for a URL that is of neither kind; otherwise what it says, or all that is wrong with it. */
export function readRedisHosts(text: string): RedisUrlReading | null {
  if (!/^rediss?\+(sentinel|cluster):/i.test(text)) return null;
  const match = shape.exec(text);
  if (match === null) {
    return {
      problems: [
        'cannot be read: it is SCHEME://user:password@host:port,host:port/…, and characters such as @ / : # in a password ' +
          'must be percent-encoded',
      ],
    };
  }
  const [, scheme = '', kindText = '', userInfo, hostText = '', first = '', second = '', query = ''] = match;
  const kind = kindText.toLowerCase() === 'sentinel' ? 'sentinel' : 'cluster';
  const isTls = scheme.toLowerCase() === 'rediss';
  const problems: string[] = [];
  const decode = decodeInto(problems);
  const at = userInfo?.indexOf(':') ?? -1;
  const reading: RedisHosts = {
    kind,
    isTls,
    hosts: readHosts(hostText, defaultPorts[kind], problems),
    primaryName: kind === 'sentinel' ? decode(first) : '',
    username: userInfo === undefined || at === 0 ? null : decode(at < 0 ? userInfo : userInfo.slice(0, at)),
    password: userInfo === undefined || at < 0 ? null : decode(userInfo.slice(at + 1)),
    database: readDatabase(kind, kind === 'sentinel' ? second : first, problems),
    parameters: readParameters(query, { kind, isTls }, problems),
  };
  if (userInfo !== undefined && /[@/?#]/.test(userInfo)) {
    problems.push('has one of the characters @ / ? # in user or password: they must be percent-encoded');
  }
  if (kind === 'sentinel' && !/^[\w.-]+$/.test(reading.primaryName)) {
    problems.push('must name the primary behind the hosts, as the Sentinels do: …:26379/mymaster');
  }
  if (kind === 'cluster' && second !== '')
    problems.push('has something behind the hosts that a Cluster has not');
  return problems.length > 0 ? { problems: [...new Set(problems)] } : { hosts: reading };
}

/** The hosts, for people: `10.0.0.1:26379, 10.0.0.2:26379`. */
export function formatHosts(hosts: readonly RedisHost[]): string {
  return hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(', ');
}

function readHosts(text: string, defaultPort: number, problems: string[]): RedisHost[] {
  return text.split(',').flatMap((one, at) => {
    const [, name, address, portText] = hostShape.exec(one) ?? [];
    const host = name ?? address;
    const port = portText === undefined ? defaultPort : Number(portText);
    if (host !== undefined && port >= 1 && port <= 65_535) return [{ host, port }];
    problems.push(
      `host ${at + 1} must be a name or an address, with a port from 1 to 65535 behind a colon unless it is ${defaultPort}`,
    );
    return [];
  });
}

function readDatabase(kind: RedisHosts['kind'], text: string, problems: string[]): number {
  const isGood = kind === 'cluster' ? /^0?$/ : /^\d{0,5}$/;
  if (!isGood.test(text)) {
    problems.push(
      kind === 'cluster'
        ? 'names a database, and a Cluster has but the one'
        : 'must have the number of a database behind the name of the primary, or nothing',
    );
  }
  return Number(text);
}

function readParameters(
  query: string,
  { kind, isTls }: Pick<RedisHosts, 'kind' | 'isTls'>,
  problems: string[],
): Map<string, string> {
  const known = [...fileParameters, ...(kind === 'sentinel' ? sentinelParameters : [])];
  const decode = decodeInto(problems);
  const found = new Map<string, string>();
  for (const part of query.split('&').filter((text) => text !== '')) {
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at);
    if (!known.includes(name)) {
      const shown = /^\w{1,40}$/.test(name) ? ` ${name}` : '';
      problems.push(
        `has an unknown parameter${shown}; known are ${known.join(', ')}${didYouMean(name, known)}`,
      );
    } else if (fileParameters.includes(name) && !isTls) {
      problems.push(`has ${name}, which goes with rediss+${kind}:// only`);
    }
    found.set(name, at < 0 ? '' : decode(part.slice(at + 1)));
  }
  return found;
}

function decodeInto(problems: string[]): (text: string) => string {
  return (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      problems.push(
        'has a % that is not followed by two hexadecimal digits: the character itself is written %25',
      );
      return text;
    }
  };
}
