// SPDX-License-Identifier: Apache-2.0
// A server of HTTP/2 without TLS that answers as APIs with JSON do: GraphQL, JSON-RPC, language models (whole and as events), S3,
// Elasticsearch. node asked.js server PORT | client PORT. The client asks everything at once, on one connection.
"use strict";
const http2 = require("node:http2");

const JSON_TYPE = { "content-type": "application/json" };
const ASKED = [
  ["POST", "/graphql", JSON_TYPE, { query: "query GetUser($id: ID!) { user(id: $id) { name } }", variables: { id: 7 } }],
  ["POST", "/graphql", JSON_TYPE, { operationName: "AddUser", query: "mutation AddUser { addUser(name: \"x\") { id } }" }],
  ["POST", "/rpc", JSON_TYPE, { jsonrpc: "2.0", method: "eth_blockNumber", params: [], id: 1 }],
  ["POST", "/rpc", JSON_TYPE, { jsonrpc: "2.0", method: "no_such_method", id: 2 }],
  ["POST", "/v1/chat/completions", JSON_TYPE, { model: "small-1", messages: [{ role: "user", content: "hello" }] }],
  ["POST", "/v1/messages", JSON_TYPE, { model: "large-2", max_tokens: 9, stream: true, messages: [{ role: "user", content: "hello" }] }],
  ["PUT", "/photos/2024/a.jpg", { "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "content-type": "image/jpeg" }, "not a picture"],
  ["GET", "/photos?list-type=2&prefix=2024", { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }, null],
  ["POST", "/products/_search", JSON_TYPE, { query: { match_all: {} } }],
  ["POST", "/plain", JSON_TYPE, { nothing: "in particular", list: Array(200).fill("x") }],
];

function answer(stream, path, body) {
  const json = (value, headers = {}) => stream.end(JSON.stringify(value), stream.respond({ ":status": 200, ...JSON_TYPE, ...headers }));
  if (path === "/graphql" && body.includes("mutation"))
    return json({ data: null, errors: [{ message: "may not", extensions: { code: "FORBIDDEN" } }] });
  if (path === "/graphql") return json({ data: { user: { name: "Ada" } } });
  if (path === "/rpc" && body.includes("no_such")) return json({ jsonrpc: "2.0", id: 2, error: { code: -32601, message: "Method not found" } });
  if (path === "/rpc") return json({ jsonrpc: "2.0", id: 1, result: "0x10" });
  if (path === "/v1/chat/completions")
    return json({ model: "small-1-2025", choices: [{ message: { role: "assistant", content: "hi" } }], usage: { prompt_tokens: 8, completion_tokens: 2 } });
  if (path === "/v1/messages") return events(stream);
  if (path.startsWith("/products")) return json({ took: 1, hits: { hits: [] } }, { "x-elastic-product": "Elasticsearch" });
  stream.respond({ ":status": 200 });
  stream.end();
}

// Events of which a frame's end may cut any.
function events(stream) {
  const text = [
    { type: "message_start", message: { model: "large-2-2025", usage: { input_tokens: 11, output_tokens: 1 } } },
    { type: "content_block_delta", delta: { type: "text_delta", text: "hel" } },
    { type: "content_block_delta", delta: { type: "text_delta", text: "lo" } },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 6 } },
  ].map((e) => `event: ${e.type}\ndata: ${JSON.stringify(e)}\n\n`).join("");
  stream.respond({ ":status": 200, "content-type": "text/event-stream" });
  const parts = [text.slice(0, 60), text.slice(60, 200), text.slice(200)];
  const next = () => (parts.length ? (stream.write(parts.shift()), setTimeout(next, 20)) : stream.end());
  next();
}

function serve(port) {
  http2.createServer().on("stream", (stream, headers) => {
    let body = "";
    stream.on("data", (part) => (body += part)).on("end", () => answer(stream, headers[":path"], body));
  }).listen(port, "127.0.0.1");
}

function ask(port) {
  const client = http2.connect(`http://127.0.0.1:${port}`);
  let open = ASKED.length;
  for (const [method, path, headers, body] of ASKED) {
    const stream = client.request({ ":method": method, ":path": path, ...headers });
    stream.resume().on("end", () => --open || client.close());
    if (body === null) stream.end();
    else stream.end(typeof body === "string" ? body : JSON.stringify(body));
  }
}

(process.argv[2] === "server" ? serve : ask)(Number(process.argv[3]));
