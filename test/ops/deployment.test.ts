/**
 * The examples of running the daemon: read as their platforms read them, as far as that can be done without these, and
 * held against what the program and its image do.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

interface Container {
  readonly args: readonly string[];
  readonly envFrom: readonly { readonly secretRef: { readonly name: string } }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Daemon extends Container {
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
}

interface Manifest {
  readonly kind: string;
  readonly data: Readonly<Record<string, string>>;
  readonly stringData: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly initContainers: readonly [Container];
        readonly containers: readonly [Daemon];
      };
    };
  };
}

function manifest(kind: string): Manifest {
  const documents = parseAllDocuments(read('ops/kubernetes.yaml'));
  for (const { errors } of documents) expect(errors).toEqual([]);
  const found = documents.map((document) => document.toJS() as Manifest).find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`there is no ${kind}`);
  return found;
}

describe('the example for Kubernetes', () => {
  it('holds a configuration that loads with what the secret gives, and listens where the probes ask', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'reconciler-ops-'));
    try {
      const path = join(folder, 'reconciler.config.yaml');
      await writeFile(path, manifest('ConfigMap').data['reconciler.config.yaml'] ?? '');
      const config = await loadConfig({ path, env: manifest('Secret').stringData, cwd: folder });
      const { ports } = manifest('Deployment').spec.template.spec.containers[0];
      expect(config).toMatchObject({
        warnings: [],
        http: { host: '0.0.0.0', port: ports[0]?.containerPort },
      });
      expect(config.sources.map(({ rules }) => rules.mode)).toEqual(['observe']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('runs two replicas, which end within their time, behind the probes that the daemon has', () => {
    const { replicas, template } = manifest('Deployment').spec;
    const { terminationGracePeriodSeconds, containers, initContainers } = template.spec;
    expect(replicas).toBe(2);
    const stopWithinMs = Number(
      /stopWithinMs = ([\d_]+)/.exec(read('src/cli/main.ts'))?.[1]?.replace('_', ''),
    );
    expect(terminationGracePeriodSeconds * 1_000).toBeGreaterThan(stopWithinMs);
    const [daemon] = containers;
    expect([daemon.livenessProbe.httpGet, daemon.readinessProbe.httpGet]).toEqual([
      { path: '/livez', port: 'http' },
      { path: '/readyz', port: 'http' },
    ]);
    expect([initContainers[0].args, daemon.args]).toEqual([['migrate'], ['start']]);
    expect(initContainers[0].envFrom).toEqual(daemon.envFrom);
    const mounted = daemon.volumeMounts[0]?.mountPath ?? '';
    expect(read('Dockerfile')).toContain(`RECONCILER_CONFIG=${mounted}/reconciler.config.yaml`);
  });
});

interface Service {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

describe('the compose file', () => {
  const { services, volumes } = parse(read('compose.yaml'), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>;
    readonly volumes: Readonly<Record<string, null>>;
  };
  const daemons = Object.entries(services).filter(([name]) => name.startsWith('daemon-'));

  it('mounts files that are there, and volumes and services that it names', () => {
    for (const [name, service] of Object.entries(services)) {
      for (const volume of service.volumes ?? []) {
        const [from = ''] = volume.split(':');
        expect([
          name,
          from,
          from.startsWith('./') ? existsSync(new URL(from, root)) : from in volumes,
        ]).toEqual([name, from, true]);
      }
      for (const other of Object.keys(service.depends_on ?? {}))
        expect(Object.keys(services)).toContain(other);
    }
  });

  it('runs two daemons on a configuration that loads, and gives them their time to end', async () => {
    expect(daemons).toHaveLength(2);
    for (const [, { environment = {}, ports = [], ...daemon }] of daemons) {
      const path = new URL('ops/compose/reconciler.config.yaml', root).pathname;
      const config = await loadConfig({ path, env: environment, cwd: '/' });
      expect(config).toMatchObject({ warnings: [], http: { host: '0.0.0.0' } });
      expect(ports[0]).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\d+:${config.http.port}$`));
      expect(config.sources.map(({ rules }) => rules.mode)).toEqual(['observe', 'observe']);
      expect(daemon.stop_grace_period).toBe('30s');
      const [mounted = ''] = daemon.volumes ?? [];
      expect(read('Dockerfile')).toContain(`RECONCILER_CONFIG=${mounted.split(':')[1]}`);
    }
    expect(services['migrate']?.command).toEqual(['migrate']);
  });

  it('has Prometheus scrape both with credentials that they take, and load the rules', () => {
    const { rule_files: rules, scrape_configs: scrapes } = parse(read('ops/compose/prometheus.yml')) as {
      readonly rule_files: readonly string[];
      readonly scrape_configs: readonly [
        {
          readonly static_configs: readonly [{ readonly targets: readonly string[] }];
          readonly basic_auth: Readonly<Record<string, string>>;
        },
      ];
    };
    const [scrape] = scrapes;
    expect(scrape.static_configs[0].targets).toEqual(daemons.map(([name]) => `${name}:3020`));
    expect(scrape.basic_auth).toEqual({
      username: 'oncall',
      password: daemons[0]?.[1].environment?.['DASHBOARD_PASSWORD'],
    });
    const mounts = services['prometheus']?.volumes?.join(' ') ?? '';
    for (const rule of rules) expect(mounts).toContain(`/etc/prometheus/${rule}:`);
  });
});

describe('the unit for systemd', () => {
  const unit = read('ops/claim-reconciler.service');
  const value = (key: string): string | undefined => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1];

  it('starts what the build makes, and gives it its time to end', () => {
    expect(value('ExecStart')).toMatch(/\/dist\/src\/cli\/main\.js start$/);
    expect(JSON.parse(read('package.json'))).toMatchObject({
      bin: { 'claim-reconciler': 'dist/src/cli/main.js' },
    });
    expect(Number(value('TimeoutStopSec'))).toBeGreaterThan(25);
    expect(value('RestartPreventExitStatus')).toBe('2');
  });

  it('is made of sections, keys and comments only', () => {
    const odd = unit.split('\n').filter((line) => !/^(#.*|\[\w+\]|[A-Z]\w+=.+|)$/.test(line));
    expect(odd).toEqual([]);
  });
});
