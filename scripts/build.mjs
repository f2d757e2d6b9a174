/**
 * Makes `dist`: compiles src and jobs, and puts the Lua and SQL files where the compiled code looks for them.
 * `build.mjs PROJECT FOLDER` compiles what another tsconfig names, into another folder.
 * Invariant kept: the folder holds nothing of an earlier build, and nothing at all when the build failed.
 */
import { spawnSync } from 'node:child_process';
import { chmod, cp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [project = join(root, 'tsconfig.build.json'), folder = join(root, 'dist')] = process.argv.slice(2);

await rm(folder, { recursive: true, force: true });
const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
const compiled = spawnSync(
  process.execPath,
  [join(dirname(compiler), 'bin', 'tsc'), '-p', project, '--outDir', folder],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);
if (compiled.status !== 0) {
  await rm(folder, { recursive: true, force: true });
  console.error(`The build failed: ${folder} was removed.`);
  process.exit(1);
}

for (const from of ['src', 'migrations']) {
  for (const path of await readdir(join(root, from), { recursive: true })) {
    if (!['.lua', '.sql'].includes(extname(path))) continue;
    await cp(join(root, from, path), join(folder, from, path));
  }
}
await chmod(join(folder, 'src', 'cli', 'main.js'), 0o755);
console.log(`Built it: node ${relative(process.cwd(), folder)}/src/cli/main.js --help`);
