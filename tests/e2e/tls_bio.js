// SPDX-License-Identifier: Apache-2.0
// Node's servers and clients of HTTPS, both in one event loop: so many connections, opened at the first line, on each as many requests as a line says,
// with paths of their own, whose answers say by their status and their content what was asked. Prints for each line how many answers were right.
const fs = require("fs"), http2 = require("http2"), https = require("https"), readline = require("readline");

const CODES = [200, 201, 202, 203, 400, 404, 410, 500];
const [protocol, version, connections, key, chain] = process.argv.slice(2);
// Connections stay, however long it is until the next line.
const options = {key: fs.readFileSync(key), cert: fs.readFileSync(chain), minVersion: version, maxVersion: version, rejectUnauthorized: false,
		 keepAliveTimeout: 600000};
const code = path => CODES[path.split("/").slice(2).reduce((sum, part) => sum + Number(part), 0) % CODES.length];
let right = 0;

function collect(path, status, stream, done) {
	let body = "";

	stream.on("data", part => (body += part));
	stream.on("end", () => {
		right += status === code(path) && body === path.repeat(3);
		done();
	});
}

function answer(asked, stream) {
	stream.statusCode = code(asked.url);
	stream.end(asked.url.repeat(3));
}

// Each gives a function that asks for a path, and one that ends the connection.
const clients = {
	http(port) {
		const agent = new https.Agent({keepAlive: true, maxSockets: 1});

		return {
			ask: (path, done) => https.get({host: "127.0.0.1", port, path, agent, ...options}, got => collect(path, got.statusCode, got, done)),
			end: () => agent.destroy(),
		};
	},
	http2(port) {
		let session;

		return {
			ask(path, done) {
				session ??= http2.connect(`https://127.0.0.1:${port}`, options);
				const stream = session.request({":path": path});

				stream.on("response", head => collect(path, head[":status"], stream, done));
				stream.end();
			},
			end: () => session?.close(),
		};
	},
};

function all(client, path, i, end, done) {
	if (i === end)
		return done();
	client.ask(`${path}/${i}`, () => all(client, path, i + 1, end, done));
}

const server = (protocol === "http2" ? http2.createSecureServer : https.createServer)(options, answer);
server.listen(0, "127.0.0.1", 1024, () => {
	const opened = Array.from({length: Number(connections)}, () => clients[protocol](server.address().port));
	let asked = 0;

	readline.createInterface({input: process.stdin}).on("line", line => {
		let open = opened.length;
		const end = asked + Number(line);

		right = 0;
		opened.forEach((client, me) => all(client, `/of/${me}`, asked, end, () => --open || (asked = end, console.log(right))));
	}).on("close", () => {
		opened.forEach(client => client.end());
		server.close();
	});
});
