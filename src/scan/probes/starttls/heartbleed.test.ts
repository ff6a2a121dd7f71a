import assert from 'node:assert/strict';
import { createConnection, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { oldRuntime } from '../../../../lab/demo/runtimes.ts';
import type { ServiceProbe } from '../../../model/probe.ts';
import { listenWith, look, type Pki, selfSigned, startOldNode } from '../testing.ts';

let pki: Pki;
before(() => {
  pki = selfSigned({ bits: 1024 });
});
after(() => pki.remove());

/** Speaks a mail server's few lines, then hands the bytes on to the TLS server behind it. */
function mailInFront(socket: Socket, tlsPort: number): void {
  socket.write('220 mail.example ESMTP Postfix\r\n');
  socket.on('data', function talk(bytes: Buffer) {
    const line = bytes.toString('latin1');
    if (line.startsWith('EHLO')) socket.write('250-mail.example\r\n250 STARTTLS\r\n');
    else if (line.startsWith('QUIT')) socket.end('221 bye\r\n');
    else if (line.startsWith('STARTTLS')) {
      socket.off('data', talk);
      const behind = createConnection(tlsPort, '127.0.0.1', () => {
        socket.write('220 go ahead\r\n');
        socket.pipe(behind).pipe(socket);
      });
      behind.on('error', () => socket.destroy());
      socket.on('close', () => behind.destroy());
    }
  });
}

test('3.8: behind STARTTLS, too, Heartbleed is proven by a heartbeat of a server that really has it', async (t) => {
  const node = await oldRuntime('0.10.0').catch((error: Error) => error);
  if (node instanceof Error) return t.skip(`the old runtime could not be fetched: ${node.message}`);
  const behind = await startOldNode(node, pki);
  t.after(() => behind.close());
  const mail = await listenWith((socket) => mailInFront(socket, behind.port));
  t.after(() => mail.close());
  const probe = (await look(mail.port)) as ServiceProbe;
  assert.equal(probe.protocol, 'smtp');
  assert.equal(probe.tls?.heartbleed.verdict, 'vulnerable', JSON.stringify(probe));
  assert.equal(probe.tls.heartbleed.leakedBytes, 16);
  assert.ok(probe.tls.versions.includes('TLSv1.0'));
  assert.match(probe.tls.chain[0]?.subject ?? '', /shop\.example/);
});
