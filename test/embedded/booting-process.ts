/** What boot-servers.test.ts kills: a program with servers of its own. */
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';

const servers = await Promise.all([startPostgres({ env: process.env }), startRedis({ env: process.env })]);
const folders = servers.map(({ folder }) => folder);
const pids = servers.map((server) => server.pid());
process.stdout.write(`${JSON.stringify({ folders, pids })}\n`);
setInterval(() => undefined, 60_000);
