import assert from 'node:assert/strict';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer as createTcp, type Server } from 'node:net';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { ServiceProbe, TlsProbe } from '../../../model/probe.ts';
import { look, selfSigned } from '../testing.ts';
import { pathWithin, productOf } from './index.ts';
import { isHttp, parseAnswer } from './wire.ts';

async function serve(t: TestContext, server: Server & { closeAllConnections?(): void }): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const shop: RequestListener = (request, response) => {
  if (request.url === '/') response.writeHead(302, { location: '/shop' }).end();
  else if (request.url === '/favicon.ico') response.writeHead(200, { 'content-type': 'image/x-icon' }).end('icon');
  else {
    response.writeHead(200, { 'content-type': 'text/html', server: 'nginx/1.22.1', 'x-frame-options': 'DENY' });
    response.write('<html><title>The \x1b[31mshop</title>');
    response.end('</html>');
  }
};

test('a page: status, where it leads, title, server, what protects it, its icon', async (t) => {
  const port = await serve(t, createHttp(shop));
  const probe = (await look(port)) as ServiceProbe;
  assert.equal(probe.protocol, 'http');
  assert.deepEqual([probe.product, probe.version, probe.access], ['nginx', '1.22.1', 'open']);
  const { title, redirect, protects, status, favicon } = probe.details;
  assert.deepEqual([title, redirect, protects, status], ['The [31mshop', '/shop', 'frame options', '200']);
  assert.match(favicon ?? '', /^[0-9a-f]{64}$/);
});

test('within TLS the same is seen, beside what TLS shows', async (t) => {
  const pki = selfSigned();
  t.after(() => pki.remove());
  const port = await serve(t, createHttps({ key: readFileSync(pki.key), cert: readFileSync(pki.certificate) }, shop));
  const probe = (await look(port)) as TlsProbe;
  assert.equal(probe.protocol, 'tls');
  assert.deepEqual([probe.inside?.protocol, probe.inside?.product], ['http', 'nginx']);
  assert.equal(probe.inside?.details['redirect'], '/shop');
});

test('a server that lets nobody in without a certificate says so', async (t) => {
  const pki = selfSigned();
  t.after(() => pki.remove());
  const cert = readFileSync(pki.certificate);
  const server = createHttps(
    { key: readFileSync(pki.key), cert, ca: cert, requestCert: true, rejectUnauthorized: true },
    shop,
  );
  const probe = (await look(await serve(t, server))) as TlsProbe;
  assert.deepEqual([probe.protocol, probe.inside, probe.clientCertificate], ['tls', undefined, 'required']);
});

test('a server that calls the certificate that was not shown a bad one says so too, as those made with Go do', async (t) => {
  const pki = selfSigned();
  t.after(() => pki.remove());
  const cert = readFileSync(pki.certificate);
  const behind = await serve(t, createHttps({ key: readFileSync(pki.key), cert, maxVersion: 'TLSv1.2' }, shop));
  // What the client says second has its empty certificate in it, and what answers that is not encrypted yet.
  const front = createTcp((socket) => {
    const up = connect(behind, '127.0.0.1');
    up.pipe(socket, { end: false });
    up.on('error', () => socket.destroy());
    socket.on('error', () => up.destroy());
    socket.once('data', (hello: Buffer) => {
      up.write(hello);
      socket.once('data', () => {
        up.destroy();
        socket.end(Buffer.from('1503030002022a', 'hex'));
      });
    });
  });
  const probe = (await look(await serve(t, front))) as TlsProbe;
  assert.deepEqual([probe.protocol, probe.inside, probe.clientCertificate], ['tls', undefined, 'required']);
});

test('a page behind a password is refused, one that leads elsewhere is not followed', async (t) => {
  const locked = await serve(
    t,
    createHttp((_, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()),
  );
  const visited: string[] = [];
  const elsewhere = await serve(
    t,
    createHttp((_, response) => {
      visited.push('once');
      response.end('here');
    }),
  );
  const leads = await serve(
    t,
    createHttp((_, response) => response.writeHead(301, { location: `http://127.0.0.1:${elsewhere}/` }).end()),
  );
  const loops = await serve(
    t,
    createHttp(({ url }, response) => response.writeHead(302, { location: `${url}x` }).end()),
  );
  assert.equal(((await look(locked)) as ServiceProbe).access, 'refused');
  assert.equal(((await look(leads)) as ServiceProbe).details['redirect'], `http://127.0.0.1:${elsewhere}/`);
  assert.equal(((await look(loops)) as ServiceProbe).details['status'], '302');
  assert.deepEqual(visited, []);
});

test('redirects stay on the host, the port and the scheme', () => {
  const at = { address: '192.0.2.1', port: 8080, secure: false };
  assert.equal(pathWithin(at, '/a/', 'b?c=1'), '/a/b?c=1');
  assert.equal(pathWithin(at, '/', 'http://192.0.2.1:8080/x'), '/x');
  for (const to of [
    'https://192.0.2.1:8080/x',
    'http://192.0.2.1/x',
    '//192.0.2.2:8080/',
    'http://[',
    'file:///x',
    'ftp://192.0.2.1:8080/',
  ])
    assert.equal(pathWithin(at, '/', to), null, to);
});

test('answers in whatever pieces and lengths mean the same, and garbage throws nothing', () => {
  const body = 'x'.repeat(300);
  const plain = `HTTP/1.1 200 OK\r\nContent-Length: 300\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n${body}`;
  const chunked = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n${body.slice(0, 100)}\r\nC8;x=y\r\n${body.slice(100)}\r\n0\r\n\r\n`;
  for (const text of [plain, chunked]) {
    const answer = parseAnswer(Buffer.from(text));
    assert.deepEqual([answer?.status, answer?.whole, answer?.body.toString()], [200, true, body]);
    assert.equal(parseAnswer(Buffer.from(text.slice(0, -20)))?.whole ?? false, false);
  }
  assert.equal(parseAnswer(Buffer.from(plain))?.headers.get('set-cookie'), 'a\nb');
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('', 'HTTP/1.1 200 OK\r\n', plain, chunked),
      (bytes, before) => {
        const answer = parseAnswer(Buffer.concat([Buffer.from(before), bytes]));
        assert.ok(answer === null || answer.body.length <= before.length + bytes.length);
      },
    ),
    { numRuns: 200 },
  );
});

test('what servers of HTTPS say to whoever comes without TLS is not HTTP', () => {
  assert.ok(!isHttp(Buffer.from('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n')));
  assert.ok(
    !isHttp(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n<h1>The plain HTTP request was sent to HTTPS port</h1>')),
  );
  assert.ok(isHttp(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')));
});

test('products by signature, else by what the server calls itself', () => {
  const named = (headers: Record<string, string>, body = '', title = '') =>
    productOf({ headers: new Map(Object.entries(headers)) }, body, title);
  assert.deepEqual(named({ 'x-jenkins': '2.426.1', server: 'Jetty(10.0.18)' }), {
    product: 'Jenkins',
    version: '2.426.1',
  });
  assert.deepEqual(named({ server: 'Apache/2.4.57 (Debian)' }), { product: 'Apache httpd', version: '2.4.57' });
  assert.deepEqual(named({ server: 'Weird/3.1-beta x' }), { product: 'Weird', version: '3.1-beta' });
  assert.equal(named({}), null);
});
