/**
 * A TCP port on the loopback address that nobody listens on.
 * It does not reserve it: between the question and its use someone else may take it, so whoever uses it must be ready
 * to try again (`isPortTaken`).
 */
import { createServer } from 'node:net';

/** Any free port, or `wanted` itself. Rejects when that is taken. */
export async function findFreePort(wanted = 0): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('The system gave no port'));
      });
    });
  });
}

/** Whether a server's last words say that its port was taken by another. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && /address (already )?in use/i.test(error.message);
}
