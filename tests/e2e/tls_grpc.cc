// SPDX-License-Identifier: Apache-2.0

// A client of gRPC's C++ library over TLS (CHAIN "": in the clear), for tls_grpc.py: all four kinds of calls, of bytes as they are. Says how many were right.
// With BEFORE it calls that often on each connection, says "ready", waits for a line, and ends when nothing follows.
// tls_grpc ADDRESS CHAIN CLIENTS CALLS [BEFORE]
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

static grpc::ByteBuffer bytes(const std::string &text)
{
	grpc::Slice slice(text);
	return grpc::ByteBuffer(&slice, 1);
}

static std::string text(const grpc::ByteBuffer &b)
{
	std::vector<grpc::Slice> slices;
	std::string all;

	(void)b.Dump(&slices);
	for (const auto &s : slices)
		all.append(reinterpret_cast<const char *>(s.begin()), s.size());
	return all;
}

static bool done(grpc::CompletionQueue &queue)
{
	void *tag;
	bool ok = false;

	return queue.Next(&tag, &ok) && ok;
}

// Sends the messages, reads all that come; they are what is wanted, and so is the status.
static bool call(grpc::GenericStub &stub, const std::string &name, const std::vector<std::string> &said, const std::vector<std::string> &wanted,
		 grpc::StatusCode code)
{
	grpc::ClientContext context;
	grpc::CompletionQueue queue;
	grpc::Status status;
	std::vector<std::string> got;
	grpc::ByteBuffer message;
	auto stream = stub.PrepareCall(&context, "/shop.Items/" + name, &queue);

	stream->StartCall(nullptr);
	bool good = done(queue);
	for (const auto &m : said) {
		stream->Write(bytes(m), nullptr);
		good = done(queue) && good;
	}
	stream->WritesDone(nullptr);
	good = done(queue) && good;
	for (;;) {
		stream->Read(&message, nullptr);
		if (!done(queue))
			break;
		got.push_back(text(message));
	}
	stream->Finish(&status, nullptr);
	good = done(queue) && good;
	return good && status.error_code() == code && got == wanted;
}

static std::shared_ptr<grpc::Channel> channel(const std::string &address, const std::string &chain)
{
	grpc::SslCredentialsOptions options;
	grpc::ChannelArguments arguments;

	options.pem_root_certs = chain;
	if (!chain.empty())
		arguments.SetSslTargetNameOverride("localhost");
	arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
	return grpc::CreateCustomChannel(address, chain.empty() ? grpc::InsecureChannelCredentials() : grpc::SslCredentials(options),
					 arguments);
}

static void ask(const std::shared_ptr<grpc::Channel> &channel, int calls, int *right)
{
	grpc::GenericStub stub(channel);
	for (int i = 0; i < calls; i++) {
		const std::vector<std::string> said(i % 4 + 1, "x");
		const std::string all(said.size(), 'x');

		*right += call(stub, "Get", {"x"}, {"xx"}, grpc::OK);
		*right += call(stub, "List", {all}, std::vector<std::string>(said.size(), all), grpc::OK);
		*right += call(stub, "Put", said, {all}, grpc::OK);
		*right += call(stub, "Chat", said, said, grpc::OK);
		*right += call(stub, "Missing", {"it"}, {}, grpc::NOT_FOUND);
	}
}

// All at a time.
static int all(const std::vector<std::shared_ptr<grpc::Channel>> &channels, int calls)
{
	std::vector<int> right(channels.size());
	std::vector<std::thread> threads;
	int sum = 0;

	for (size_t i = 0; i < channels.size(); i++)
		threads.emplace_back(ask, channels[i], calls, &right[i]);
	for (auto &t : threads)
		t.join();
	for (int r : right)
		sum += r;
	return sum;
}

int main(int argc, char **argv)
{
	std::ifstream file(argv[2]);
	std::stringstream chain;
	std::vector<std::shared_ptr<grpc::Channel>> channels;
	std::string line;

	chain << file.rdbuf();
	for (int i = 0; i < std::stoi(argv[3]); i++)
		channels.push_back(channel(argv[1], chain.str()));
	if (argc > 5) {
		all(channels, std::stoi(argv[5]));
		std::cout << "ready" << std::endl;
		std::getline(std::cin, line);
	}
	std::cout << all(channels, std::stoi(argv[4])) << std::endl;
	if (argc > 5)
		std::getline(std::cin, line);
}
