// SPDX-License-Identifier: Apache-2.0
/* HTTP's part of docs/protocols.md. */
#include "proto/http_fields.h"
#include "proto/proto.h"

const struct tt_proto_doc tt_http_doc = {
	.title = "HTTP/1.0 and HTTP/1.1",
	.specification = "RFC 9112: https://www.rfc-editor.org/rfc/rfc9112",
	.recognised = "a request line or a status line; in mid-connection at the next message that begins a segment",
	.operation = "method: `GET`",
	.resource = "request target as sent",
	.status = "`200`; 5xx is a failure, 4xx only where the client is observed",
	.limits = "bodies are counted, not read; what two readers would frame differently (a Content-Length beside a "
		  "Transfer-Encoding, a coding in HTTP/1.0, bytes that look like a request behind the refusal of what waited for "
		  "100 (Continue)) is reported incomplete; behind a greeting of SOCKS or the PROXY protocol it is not "
		  "recognised; HTTP/0.9 is not read",
	.verified =
		"nginx with curl and h2load, hand-written oddities, Python's http.server; the clients' own counts and content",
};
