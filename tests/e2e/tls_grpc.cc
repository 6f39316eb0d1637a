// SPDX-License-Identifier: Apache-2.0

// A client of gRPC's C++ library over TLS, for tls_grpc.py: all four kinds of calls, of bytes as they are. Says how many were right.
// tls_grpc ADDRESS CHAIN CLIENTS CALLS
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

static void ask(const std::string &address, const std::string &chain, int calls, int *right)
{
	grpc::SslCredentialsOptions options;
	grpc::ChannelArguments arguments;

	options.pem_root_certs = chain;
	arguments.SetSslTargetNameOverride("localhost");
	arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
	grpc::GenericStub stub(grpc::CreateCustomChannel(address, grpc::SslCredentials(options), arguments));
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

int main(int, char **argv)
{
	std::ifstream file(argv[2]);
	std::stringstream chain;
	int clients = std::stoi(argv[3]), sum = 0;
	std::vector<int> right(clients);
	std::vector<std::thread> threads;

	chain << file.rdbuf();
	for (int &r : right)
		threads.emplace_back(ask, argv[1], chain.str(), std::stoi(argv[4]), &r);
	for (auto &t : threads)
		t.join();
	for (int r : right)
		sum += r;
	std::cout << sum << std::endl;
}
