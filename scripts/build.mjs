/**
 * Makes `dist`: compiles src and jobs, and puts the Lua and SQL files where the compiled code looks for them.
 * Invariant kept: `dist` holds nothing of an earlier build, and nothing at all when the build failed.
 */
import { spawnSync } from 'node:child_process';
import { chmod, cp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

await rm(dist, { recursive: true, force: true });
const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
const compiled = spawnSync(
  process.execPath,
  [join(dirname(compiler), 'bin', 'tsc'), '-p', join(root, 'tsconfig.build.json')],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);
if (compiled.status !== 0) {
  await rm(dist, { recursive: true, force: true });
  console.error('The build failed: dist was removed.');
  process.exit(1);
}

for (const folder of ['src', 'migrations']) {
  for (const path of await readdir(join(root, folder), { recursive: true })) {
    if (!['.lua', '.sql'].includes(extname(path))) continue;
    await cp(join(root, folder, path), join(dist, folder, path));
  }
}
await chmod(join(dist, 'src', 'cli', 'main.js'), 0o755);
console.log('Built dist: node dist/src/cli/main.js --help');
