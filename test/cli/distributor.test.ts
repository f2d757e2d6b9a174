/**
 * A distributor that is a module, as the program meets it: relative to the configuration file, and refused before
 * anything is started.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { startProcess, type Ending } from '../support/process-handle.ts';
import { useProgram } from './support/program.ts';
import { shopConfig } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

async function writeConfig(distributor: string): Promise<string> {
  return program.write('shop.yaml', shopConfig(world, { mode: 'observe', distributor }));
}

/** As a person calls it, with Node's own loading of modules. */
async function call(args: readonly string[], config: string): Promise<{ ending: Ending; output: string }> {
  const env = { DATABASE_URL: '', REDIS_URL: '', QUEUE_REDIS_URL: '' };
  const handle = startProcess('src/cli/main.ts', { args: [...args, '--config', config], env });
  return { ending: await handle.waitForEnd(), output: handle.output() };
}

describe('a module that cannot be loaded', () => {
  it.each(['start', 'check', 'reconcile', 'status'])(
    'is refused by %s, with exit code 2',
    async (command) => {
      const config = await writeConfig('{ module: ./missing.mjs, timeout: 10ms }');
      const { code, out, err } = await program.run([command, '--config', config]);
      expect({ code, out }).toEqual({ code: 2, out: [] });
      expect(err).toEqual([
        'error: Not every distributor can be used; nothing was started or changed:',
        `  - sources.gifts.distributor: The module ${join(program.folder(), 'missing.mjs')} cannot be used: there is no ` +
          'such file, or it may not be read.',
      ]);
    },
  );

  it('is refused as one JSON object with --json', async () => {
    const config = await writeConfig('{ module: ./missing.mjs, timeout: 10ms }');
    const { code, err } = await program.run(['reconcile', '--json', '--config', config]);
    expect(code).toBe(2);
    expect(JSON.parse(err.join(''))).toMatchObject({ error: { code: 'configuration' } });
  });

  it('ends the process, even if the module would keep it alive', async () => {
    await program.write('half.mjs', 'setInterval(() => undefined, 1000); export const grant = 1;');
    const config = await writeConfig('{ module: ./half.mjs, timeout: 10ms }');
    const { ending, output } = await call(['check'], config);
    expect(ending, output).toEqual({ code: 2, signal: null });
    expect(output).toContain('it exports no function grant and none lookup');
  });
});

describe('a module that is in order', () => {
  it('is found from the folder of the file, whatever its path looks like', async () => {
    const folder = join(program.folder(), 'the shop {1} #%41');
    await mkdir(folder);
    await writeFile(
      join(folder, 'distributor?.mjs'),
      'export function grant() {} export function lookup() {}',
    );
    const config = await writeConfig(`{ module: './the shop {1} #%41/distributor?.mjs', timeout: 10ms }`);
    const { ending, output } = await call(['check'], config);
    expect(ending, output).toEqual({ code: 0, signal: null });
    expect(output).toContain('Ready: ');
  });
});

describe('a distributor that is away', () => {
  it('is no reason not to start', async () => {
    const config = await writeConfig('{ url: http://127.0.0.1:1/grants, timeout: 10ms }');
    const { code, out } = await program.run(['check', '--config', config]);
    expect({ code, out }).toMatchObject({ code: 0 });
  });
});
