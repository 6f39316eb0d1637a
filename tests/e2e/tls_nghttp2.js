// SPDX-License-Identifier: Apache-2.0
// A server of HTTP/2 in Node.js, over TLS if it is given a key, whose answers say by their status what was asked, and a client that asks on one
// connection, so many requests a second. Both print "used" once the connection was.
const fs = require("fs"), http2 = require("http2");

const CODES = [200, 201, 404, 418, 503];
const USED = 10;
const [role, port, ...rest] = process.argv.slice(2);
let count = 0;

function answered() {
	if (++count === USED)
		console.log("used");
}

function serve(key, chain) {
	const server = key ? http2.createSecureServer({key: fs.readFileSync(key), cert: fs.readFileSync(chain)}) : http2.createServer();

	server.on("stream", (stream, asked) => {
		stream.respond({":status": CODES[Number(asked[":path"].match(/\d+$/)) % 5], "x-own": "kept"});
		stream.end("x");
		answered();
	});
	server.listen(Number(port), "127.0.0.1");
}

function ask(scheme, requests, rate) {
	const session = http2.connect(`${scheme}://127.0.0.1:${port}`, {rejectUnauthorized: false});
	let number = 0;

	const timer = setInterval(() => {
		const stream = session.request({":method": "PUT", ":path": `/p/${++number}`, "x-token": "1234567"}, {endStream: true});

		stream.on("end", answered);
		stream.resume();
		if (number === Number(requests)) {
			clearInterval(timer);
			stream.on("close", () => session.close());
		}
	}, 1000 / rate);
}

role === "serve" ? serve(...rest) : ask(...rest);
