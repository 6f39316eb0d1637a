/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * Every limit of telltale, one row each: parser, --help, docs/limits.md and the self-metrics come from here.
 * Set as `--limit name=value` or under `limits:` in the configuration file.
 *
 * TT_LIMIT(id, name, default, least, most, unit, help)
 */
TT_LIMIT(RING_BYTES, "ring_bytes", 8u << 20, 64u << 10, 256u << 20, "bytes", "size of each data ring")
TT_LIMIT(RING_CPUS, "ring_cpus", 2, 1, 64, "CPUs", "CPUs that share one data ring")
TT_LIMIT(CONTROL_RING_BYTES, "control_ring_bytes", 2u << 20, 64u << 10, 64u << 20, "bytes", "size of the control ring")
TT_LIMIT(DRAIN_INTERVAL, "drain_interval_ms", 20, 1, 1000, "ms", "how often the rings are drained")
TT_LIMIT(CAPTURE_BYTES, "capture_bytes", 32u << 10, 64, 128u << 10, "bytes",
	 "payload copied of one call where no capture wish says otherwise")
TT_LIMIT(IOV_SEGMENTS, "iov_segments", 32, 1, 64, "segments", "segments of an iovec read per message; the rest is a counted gap")
TT_LIMIT(MMSG_MESSAGES, "mmsg_messages", 8, 1, 16, "messages", "messages read of one sendmmsg or recvmmsg; the rest is counted")
TT_LIMIT(KERNEL_CONNECTIONS, "kernel_connections", 65536, 64, 1u << 20, "connections",
	 "connections whose state the kernel side keeps")
TT_LIMIT(LISTENERS, "listeners", 4096, 16, 1u << 20, "sockets",
	 "listening sockets known at the start, by which an older connection's server is told")
TT_LIMIT(CALL_STAMPS, "call_stamps", 16384, 16, 1u << 20, "threads",
	 "threads whose calls are remembered from entry to exit, on kernels before 5.13")
TT_LIMIT(KERNEL_SESSIONS, "kernel_sessions", 65536, 64, 1u << 20, "sessions",
	 "TLS sessions of libraries whose socket the kernel side knows")
TT_LIMIT(LIBRARIES, "libraries", 256, 1, 65536, "files", "files of TLS libraries whose functions are observed")
TT_LIMIT(LIBRARY_PROCESSES, "library_processes", 8, 0, 256, "processes",
	 "up to so many processes given by --pid have probes of TLS libraries of their own; else whoever has the file has them")
TT_LIMIT(LIBRARIES_TIDY, "libraries_tidy_s", 10, 1, 3600, "s",
	 "how often it is asked which of those files, and whose TLS sessions, nobody has any more")
TT_LIMIT(CONNECTIONS, "connections", 65536, 16, 1u << 22, "connections", "connections kept by the user side")
TT_LIMIT(CONNECTION_IDLE, "connection_idle_s", 600, 1, 86400, "s", "an idle connection is forgotten after this")
TT_LIMIT(STREAM_BYTES, "stream_bytes", 256u << 10, 1024, 64u << 20, "bytes",
	 "unparsed bytes kept for one direction of a connection")
TT_LIMIT(STREAM_TOTAL_BYTES, "stream_total_bytes", 64u << 20, 64u << 10, 4294967295u, "bytes", "unparsed bytes kept in all")
TT_LIMIT(PARSER_TOTAL_BYTES, "parser_total_bytes", 64u << 20, 64u << 10, 4294967295u, "bytes",
	 "what protocols keep of their connections in all (contents looked at, header tables, statements): beyond it they do "
	 "with less; a quarter is left to the streams of HTTP/2, without which no request could be told")
TT_LIMIT(STREAM_HELD_CHUNKS, "stream_held_chunks", 64, 1, 4096, "chunks",
	 "chunks held while an earlier one may still come; four times as many of the other direction meanwhile")
TT_LIMIT(STREAM_HOLD, "stream_hold_ms", 200, 0, 60000, "ms", "how long a missing range is waited for")
TT_LIMIT(STREAM_MARKS, "stream_marks", 1024, 16, 65536, "marks", "arrival times kept for unparsed bytes of one direction")
TT_LIMIT(PCAP_PACKET_BYTES, "pcap_packet_bytes", 1u << 20, 64u << 10, 64u << 20, "bytes",
	 "largest packet or block believed in a capture file")
TT_LIMIT(PCAP_INTERFACES, "pcap_interfaces", 1024, 1, 65536, "interfaces", "interfaces known of one section of a capture file")
TT_LIMIT(PCAP_HOLD_BYTES, "pcap_hold_bytes", 4u << 20, 4096, 256u << 20, "bytes",
	 "bytes held for one direction while an earlier segment may still come")
TT_LIMIT(PCAP_HOLD_TOTAL_BYTES, "pcap_hold_total_bytes", 64u << 20, 64u << 10, 4294967295u, "bytes",
	 "bytes held for missing segments in all")
TT_LIMIT(PCAP_HOLD, "pcap_hold_ms", 10000, 0, 600000, "ms", "how long a missing segment nobody acknowledged is waited for")
TT_LIMIT(PCAP_HISTORY_BYTES, "pcap_history_bytes", 2u << 20, 4096, 256u << 20, "bytes",
	 "latest bytes of connections against which segments that come again are held")
TT_LIMIT(PCAP_FRAGMENT_BYTES, "pcap_fragment_bytes", 4u << 20, 64u << 10, 1u << 30, "bytes",
	 "bytes of IP fragments kept while their packet is not whole")
TT_LIMIT(DETECT_BYTES, "detect_bytes", 4096, 64, 65536, "bytes", "bytes looked at before a connection counts as unknown")
TT_LIMIT(PENDING_REQUESTS, "pending_requests", 16384, 1, 1u << 20, "requests", "unanswered requests kept per connection")
TT_LIMIT(LATER_ANSWERS, "later_answers", 4096, 1, 1u << 20, "answers",
	 "answers per connection that are only waited for in turn: their requests were reported, timed out or not kept; equal "
	 "ones in a row are one")
TT_LIMIT(EXCHANGE_TIMEOUT, "exchange_timeout_s", 60, 1, 86400, "s", "a request unanswered for so long is reported as timed out")
TT_LIMIT(MESSAGES, "messages", 65536, 64, 1u << 24, "messages",
	 "messages held in all (open or waiting for their other half); where they are too many, the connection that has most "
	 "gives way")
TT_LIMIT(MESSAGE_BYTES, "message_bytes", 64u << 20, 64u << 10, 4294967295u, "bytes",
	 "text of all messages held; beyond it texts are cut to text_bytes' least")
TT_LIMIT(TEXT_BYTES, "text_bytes", 8192, 256, 65536, "bytes", "text kept per message (operation, resource, attributes)")
TT_LIMIT(SIP_TRANSACTIONS, "sip_transactions", 4096, 16, 1u << 20, "transactions",
	 "SIP transactions remembered per connection, for what is sent again and provisional responses; the oldest go first")
TT_LIMIT(STATEMENTS, "statements", 1024, 1, 65536, "statements", "prepared statements remembered per connection")
TT_LIMIT(STATEMENT_BYTES, "statement_bytes", 256u << 10, 1024, 64u << 20, "bytes",
	 "text of prepared statements remembered per connection")
TT_LIMIT(UNPACKED_BYTES, "unpacked_bytes", 256u << 10, 1024, 64u << 20, "bytes",
	 "decompressed bytes of one message or packet that are read")
TT_LIMIT(HPACK_TABLE_BYTES, "hpack_table_bytes", 64u << 10, 4096, 1u << 20, "bytes",
	 "HTTP/2 header table remembered for one direction of a connection")
TT_LIMIT(HTTP2_BLOCK_BYTES, "http2_block_bytes", 64u << 10, 1024, 1u << 20, "bytes",
	 "HTTP/2 header block kept until it is whole; a longer one is not read")
TT_LIMIT(NAMES, "names", 4096, 1, 1u << 20, "names",
	 "names for ids that are unique everywhere (topics), learned on any connection")
TT_LIMIT(HTTP_CONTENT_BYTES, "http_content_bytes", 64u << 10, 0, 1u << 20, "bytes",
	 "content of an HTTP message looked at for what is asked within it (GraphQL, JSON-RPC, LLM calls); 0: none")
TT_LIMIT(PROCESSES, "processes", 32768, 64, 1u << 20, "processes", "processes whose names are kept")
TT_LIMIT(PROCESS_GRACE, "process_grace_s", 30, 1, 3600, "s", "an ended process's name is kept for this")
TT_LIMIT(SERIES, "series", 5000, 16, 1u << 22, "series", "metric series; what comes after joins an overflow series")
TT_LIMIT(IDLE_EXPIRY, "idle_expiry_s", 7200, 0, 2678400, "s",
	 "agent: a series, an edge of the service map or an operation that saw nothing for so long is dropped, and begins anew "
	 "at 0; 0: never")
TT_LIMIT(ROUTES, "routes", 256, 4, 65536, "routes", "route templates learned per service, and names of each other sort")
TT_LIMIT(SERVICES, "services", 1024, 4, 65536, "services", "services whose routes and operations are kept")
TT_LIMIT(OPERATIONS, "operations", 4096, 16, 1u << 20, "operations",
	 "operations of services kept for the page, 2 kB each, and up to 8 where durations differ widely; what comes after joins "
	 "one row a service")
TT_LIMIT(EDGES, "map_edges", 4096, 16, 1u << 20, "edges", "edges of the service map, 3 to 10 kB each")
TT_LIMIT(MAP_ADDRESSES, "map_addresses", 64, 1, 65536, "edges",
	 "edges one node of the service map has with addresses; the rest is one node")
TT_LIMIT(RECENT, "recent_exchanges", 256, 8, 65536, "exchanges", "slowest and failed exchanges kept for the page")
TT_LIMIT(JOIN_PENDING, "join_pending", 65536, 64, 1u << 20, "exchanges",
	 "exchanges waiting for their other end in the service map")
TT_LIMIT(WATCH_BYTES, "watch_bytes", 4u << 20, 4096, 64u << 20, "bytes",
	 "output waiting for one watching client; more is dropped, counted, and the client told")
TT_LIMIT(HTTP_CLIENTS, "http_clients", 64, 1, 4096, "clients", "clients served at once")
TT_LIMIT(ANSWER_BYTES, "answer_bytes", 64u << 20, 64u << 10, 1u << 30, "bytes", "largest body of one HTTP answer")
TT_LIMIT(TOOLS_INTERVAL, "tools_interval_s", 5, 1, 3600, "s",
	 "agent: how often tools inside it are asked what they counted; whoever reads metrics has them asked, too")
TT_LIMIT(PROFILE_WINDOW, "profile_window_s", 600, 10, 86400, "s",
	 "agent: how long the samples of its profile are kept; a tenth of that goes at a time")
TT_LIMIT(TOOL_ROWS, "tool_rows", 65536, 64, 1u << 20, "rows", "rows a tool gathers before it shows them; the smallest give way")
TT_LIMIT(TOOL_REQUESTS, "tool_requests", 8192, 16, 1u << 20, "requests", "requests under way that telltale io follows")
TT_LIMIT(TOOL_KERNEL_ROWS, "tool_kernel_rows", 8192, 16, 1u << 20, "rows",
	 "rows a tool counts in the kernel between two intervals")
TT_LIMIT(TOOL_DIRTY, "tool_dirty", 16384, 16, 1u << 20, "places",
	 "places in files (16 pages each) of which telltale io remembers who made them dirty; the oldest give way")
TT_LIMIT(TOOL_FILES, "tool_files", 2048, 16, 1u << 20, "files",
	 "files whose names telltale io remembers; those not used for long give way")
TT_LIMIT(TOOL_PROGRAMS, "tool_programs", 16384, 16, 1u << 20, "programs", "running programs whose end telltale execs waits for")
TT_LIMIT(TOOL_STACKS, "tool_stacks", 2048, 16, 1u << 20, "stacks", "different stacks a tool keeps in the kernel")
TT_LIMIT(TOOL_STACK_BYTES, "tool_stack_bytes", 16u << 20, 64u << 10, 1u << 30, "bytes",
	 "text of stacks a tool keeps: names of functions, and what a flame graph is made of")
TT_LIMIT(TOOL_SPANS, "tool_spans", 262144, 1024, 1u << 24, "spans",
	 "spans of time telltale profile keeps for --timeline; those that come later are left out")
TT_LIMIT(TOOL_ALLOCATIONS, "tool_allocations", 131072, 64, 1u << 24, "blocks",
	 "blocks of memory that telltale leak follows until they are freed (about 140 bytes of the kernel's each)")
TT_LIMIT(TOOL_PROCESSES, "tool_processes", 64, 1, 4096, "processes",
	 "processes whose allocators telltale leak observes at a time")
TT_LIMIT(TOOL_ECHOES, "tool_echoes", 1024, 16, 65536, "echoes", "echoes under way that telltale ping follows, or reports on")
TT_LIMIT(TOOL_TASKS, "tool_tasks", 8192, 16, 1u << 20, "tasks", "threads that telltale sched and telltale why follow")
TT_LIMIT(SYMBOL_PROCESSES, "symbol_processes", 1024, 4, 65536, "processes",
	 "processes whose code a tool with stacks knows; those not used for long give way")
TT_LIMIT(SYMBOL_FILES, "symbol_files", 512, 4, 65536, "files",
	 "programs and libraries whose functions a tool with stacks knows; those not used for long give way")
TT_LIMIT(SYMBOL_BYTES, "symbol_bytes", 64u << 20, 1u << 20, 4294967295u, "bytes",
	 "functions of programs and libraries a tool with stacks knows, in all")
