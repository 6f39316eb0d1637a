// SPDX-License-Identifier: Apache-2.0
// Pushed streams by Node's http2: `node push.js server PORT`, `node push.js client PORT`. The client takes one push, breaks one off, and asks with pushes refused.
const http2 = require('node:http2');

function serve(port) {
  const server = http2.createServer();
  server.on('stream', (stream, headers) => {
    if (headers[':path'] === '/page') {
      for (const path of ['/style.css', '/large.bin?v=2', '/none.png']) {
        if (!stream.pushAllowed) break;
        stream.pushStream({ ':path': path, 'x-for': 'page' }, (error, pushed) => {
          if (error) throw error;
          pushed.on('error', () => {});
          pushed.respond({ ':status': path === '/none.png' ? 404 : 200, 'content-type': 'text/css' });
          if (path.startsWith('/large')) {
            pushed.write('x'.repeat(1000));
            setTimeout(() => pushed.destroyed || pushed.end(), 500);
          } else pushed.end('p { color: black }\n');
        });
      }
    }
    stream.respond({ ':status': 200, 'content-type': 'text/html' });
    setTimeout(() => stream.end('<p>telltale</p>\n'), 50);
  });
  server.listen(port, '127.0.0.1');
}

function ask(port, settings, paths, done) {
  const client = http2.connect(`http://127.0.0.1:${port}`, { settings });
  const said = [];
  client.on('stream', (pushed, headers) => {
    let bytes = 0;
    pushed.on('push', (answer) => said.push(`pushed ${headers[':path']} ${answer[':status']}`));
    pushed.on('error', () => {});
    pushed.on('data', (data) => {
      bytes += data.length;
      if (headers[':path'].startsWith('/large') && bytes >= 1000) pushed.close(http2.constants.NGHTTP2_CANCEL);
    });
  });
  let left = paths.length;
  for (const path of paths) {
    const request = client.request({ ':path': path });
    request.on('response', (answer) => said.push(`asked ${path} ${answer[':status']}`));
    request.resume();
    request.on('end', () => { if (--left === 0) setTimeout(() => client.close(() => done(said)), 300); });
  }
}

const [, , role, port] = process.argv;
if (role === 'server') {
  serve(Number(port));
} else {
  ask(port, {}, ['/page', '/other', '/page'], (first) =>
    ask(port, { enablePush: false }, ['/page'], (second) => {
      process.stdout.write([...first, ...second].sort().join('\n') + '\n');
    }));
}
