/*
 * The service that every demo application is: a page of its own that also says what its upstreams answered.
 * Runs on the Node 0.10 of 2013, so: ES5. Usage: node server.js CONFIG, where CONFIG is JSON:
 *   { name, address, port, tls: { key, certificate, sessionSecret } | absent,
 *     upstreams: [{ address, port, connections }], message }
 * With tls it speaks HTTPS (/, /login, /session), without it a line protocol: one line in, one JSON line out.
 * Connections to upstreams are opened at the start and held, from the host's own address.
 */
var crypto = require('crypto');
var fs = require('fs');
var https = require('https');
var net = require('net');
var path = require('path');

var root = process.env.LASTEMBER_HOST_ROOT || '/';
var counter = 0;

function onHost(file) {
  return fs.readFileSync(path.join(root, file));
}

var config = JSON.parse(onHost(process.argv[2]).toString());

/* One held connection: asks in order, reconnects when it drops. */
function openLink(upstream) {
  var link = { socket: null, waiting: [] };
  function open() {
    var text = '';
    var socket = net.connect({ host: upstream.address, port: upstream.port, localAddress: config.address });
    socket.setKeepAlive(true, 10000);
    socket.on('connect', function () { link.socket = socket; });
    socket.on('data', function (chunk) {
      text += chunk;
      for (var end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        var line = text.slice(0, end);
        text = text.slice(end + 1);
        if (link.waiting.length) link.waiting.shift()(null, line);
      }
    });
    socket.on('error', function () {});
    socket.on('close', function () {
      link.socket = null;
      link.waiting.splice(0).forEach(function (done) { done(new Error('connection lost')); });
      setTimeout(open, 250);
    });
  }
  open();
  return link;
}

function ask(link, line, done) {
  if (!link.socket) return done(new Error('not connected'));
  link.waiting.push(done);
  link.socket.write(line + '\n');
}

var links = (config.upstreams || []).map(function (upstream) {
  var pool = [];
  for (var i = 0; i < upstream.connections; i += 1) pool.push(openLink(upstream));
  return { name: upstream.address + ':' + upstream.port, pool: pool };
});

/* Our own answer with those of all upstreams in it. */
function answer(done) {
  var reply = { service: config.name, pid: process.pid, runtime: process.version, upstreams: {} };
  var open = links.length;
  counter += 1;
  if (!open) return done(reply);
  links.forEach(function (link) {
    ask(link.pool[counter % link.pool.length], 'status', function (error, line) {
      reply.upstreams[link.name] = error ? { error: error.message } : JSON.parse(line);
      open -= 1;
      if (!open) done(reply);
    });
  });
}

function serveLines() {
  net.createServer(function (socket) {
    var text = '';
    socket.on('error', function () {});
    socket.on('data', function (chunk) {
      text += chunk;
      for (var end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        text = text.slice(end + 1);
        answer(function (reply) { socket.write(JSON.stringify(reply) + '\n'); });
      }
    });
  }).listen(config.port, config.address);
}

function serveTls() {
  var secret = onHost(config.tls.sessionSecret);
  function sign(value) {
    return crypto.createHmac('sha256', secret).update(value).digest('hex');
  }
  function sessionOf(request) {
    var cookie = /(?:^|;\s*)session=([\w.-]+)\.([0-9a-f]{64})/.exec(request.headers.cookie || '');
    return cookie && sign(cookie[1]) === cookie[2] ? cookie[1] : null;
  }
  function send(response, status, body, headers) {
    var text = JSON.stringify(body) + '\n';
    headers = headers || {};
    headers['Content-Type'] = 'application/json';
    headers['Content-Length'] = Buffer.byteLength(text);
    response.writeHead(status, headers);
    response.end(text);
  }
  var options = { key: onHost(config.tls.key), cert: onHost(config.tls.certificate) };
  https.createServer(options, function (request, response) {
    if (request.url === '/login') {
      var user = 'visitor' + process.pid + '-' + (counter += 1);
      return send(response, 200, { user: user }, { 'Set-Cookie': 'session=' + user + '.' + sign(user) + '; Secure; HttpOnly' });
    }
    if (request.url === '/session') {
      var known = sessionOf(request);
      return send(response, known ? 200 : 401, { valid: known !== null, user: known });
    }
    if (request.url !== '/') return send(response, 404, { error: 'no such page' });
    answer(function (reply) { send(response, 200, reply); });
  }).listen(config.port, config.address);
}

if (config.tls) serveTls();
else serveLines();

/* The supervisor holds the other end of our standard input: without it nobody would end us. */
process.stdin.resume();
process.stdin.on('end', function () { process.exit(0); });
