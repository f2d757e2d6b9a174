/** The proxy breaks what it is told to break, and nothing else. An echo server stands for the real ones. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { waitFor } from './wait-for.ts';

interface Client {
  readonly socket: Socket;
  received(): string;
  chunks(): number;
  closed(): string | null;
}

let received = '';
let echo: Server;
let proxy: TcpProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  received = '';
  echo = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.toString();
      socket.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const address = echo.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  proxy = await startTcpProxy(`redis://user:secret@127.0.0.1:${port}/3`);
});

afterEach(async () => {
  await proxy.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  echo.close();
});

async function openClient(): Promise<Client> {
  const socket = connect(proxy.port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  let chunks = 0;
  let closed: string | null = null;
  socket.on('error', (error) => (closed = 'code' in error ? String(error.code) : error.message));
  socket.on('close', () => (closed ??= 'closed'));
  socket.on('data', (chunk) => {
    text += chunk.toString();
    chunks += 1;
  });
  // A connection may be reset before it is reported as open.
  await waitFor(() => !socket.connecting, { what: 'the connection' });
  return { socket, received: () => text, chunks: () => chunks, closed: () => closed };
}

test('passes on both directions and both ends', async () => {
  const client = await openClient();
  client.socket.write('hello');
  await waitFor(() => client.received() === 'hello', { what: 'the echo' });
  expect(proxy.count()).toEqual({ total: 1, open: 1 });
  client.socket.end();
  await waitFor(() => client.closed() === 'closed', { what: 'the end of the connection' });
  await waitFor(() => proxy.count().open === 0, { what: 'the connection to be counted off' });
});

test('keeps everything of the url but host and port', () => {
  expect(proxy.url).toBe(`redis://user:secret@127.0.0.1:${proxy.port}/3`);
});

test('swallows replies and the end of the connection with them, even when that comes later', async () => {
  const client = await openClient();
  client.socket.write('one');
  await waitFor(() => client.received() === 'one', { what: 'the first echo' });
  proxy.set('swallow_replies');
  client.socket.write('two');
  await waitFor(() => received === 'onetwo', { what: 'the request at the server' });
  for (const socket of sockets) if (socket !== client.socket) socket.end();
  proxy.set('pass');
  const other = await openClient();
  other.socket.write('three');
  await waitFor(() => other.received() === 'three', { what: 'the echo of another connection' });
  expect(client.received()).toBe('one');
  expect(client.closed()).toBeNull();
});

test('swallows requests', async () => {
  const client = await openClient();
  proxy.set('swallow_requests');
  client.socket.write('lost');
  const other = await openClient();
  await waitFor(() => proxy.count().total === 2, { what: 'the second connection' });
  proxy.set('pass');
  other.socket.write('seen');
  await waitFor(() => other.received() === 'seen', { what: 'the echo of another connection' });
  expect(received).toBe('seen');
  expect(client.closed()).toBeNull();
});

test('resets what is open and what comes', async () => {
  const client = await openClient();
  client.socket.write('hello');
  await waitFor(() => client.received() === 'hello', { what: 'the echo' });
  proxy.set('reset');
  await waitFor(() => client.closed() === 'ECONNRESET', { what: 'the reset' });
  const next = await openClient();
  await waitFor(() => next.closed() !== null, { what: 'the reset of a new connection' });
  expect(next.received()).toBe('');
});

test('a cut leaves the way free for the next connection', async () => {
  const client = await openClient();
  client.socket.write('hello');
  await waitFor(() => client.received() === 'hello', { what: 'the echo' });
  proxy.cut();
  await waitFor(() => client.closed() === 'ECONNRESET', { what: 'the reset' });
  const next = await openClient();
  next.socket.write('again');
  await waitFor(() => next.received() === 'again', { what: 'the echo after the cut' });
});

test('delays everything without changing the order', async () => {
  const client = await openClient();
  proxy.set('latency', { latencyMs: 40 });
  const sentAt = performance.now();
  for (const word of ['a', 'b', 'c']) client.socket.write(word);
  await waitFor(() => client.received().length > 0, { what: 'the first echo' });
  // Two ways of 40 ms; timers may fire up to a millisecond early.
  expect(performance.now() - sentAt).toBeGreaterThanOrEqual(78);
  proxy.set('pass');
  client.socket.write('d');
  await waitFor(() => client.received() === 'abcd', { what: 'all in order' });
});

test('slices into pieces that arrive one by one', async () => {
  const client = await openClient();
  proxy.set('slice', { sliceBytes: 2 });
  client.socket.write('0123456789');
  await waitFor(() => client.received() === '0123456789', { what: 'the whole echo' });
  expect(client.chunks()).toBeGreaterThan(1);
});
