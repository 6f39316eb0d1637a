// SPDX-License-Identifier: Apache-2.0
// A gRPC server and client of gRPC C++, with messages that are plain bytes: `peer server`, which prints its port, and
// `peer client ADDRESS`.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

static grpc::ByteBuffer bytes(const std::string &text)
{
	grpc::Slice slice(text);
	return grpc::ByteBuffer(&slice, 1);
}

class Call : public grpc::ServerGenericBidiReactor {
public:
	explicit Call(const std::string &method) : method_(method.substr(method.rfind('/') + 1))
	{
		if (method_ == "Fail")
			Finish({grpc::StatusCode::INTERNAL, "no stock: 100% gone"});
		else if (method_ == "Missing")
			Finish({grpc::StatusCode::NOT_FOUND, "no such item"});
		else if (method_ == "Get" || method_ == "Put" || method_ == "Chat" || method_ == "List" || method_ == "Slow")
			StartRead(&in_);
		else
			Finish({grpc::StatusCode::UNIMPLEMENTED, "unknown method"});
	}
	void OnDone() override { delete this; }
	void OnCancel() override
	{
		if (method_ == "Slow")
			Finish(grpc::Status::CANCELLED);
	}
	void OnReadDone(bool more) override
	{
		if (method_ == "Slow" && !more)
			return;
		length_ += more ? in_.Length() : 0;
		if (more && method_ == "Chat")
			StartWrite(&in_);
		else if (more)
			StartRead(&in_);
		else if (method_ == "Chat")
			Finish(grpc::Status::OK);
		else
			Answer();
	}
	void OnWriteDone(bool ok) override
	{
		if (method_ == "Chat" && ok)
			StartRead(&in_);
		else
			Answer();
	}

private:
	void Answer()
	{
		int most = method_ == "List" ? 5 : 1;
		if (sent_ == most) {
			Finish(grpc::Status::OK);
			return;
		}
		out_ = bytes(method_ == "List" ? std::string(sent_ * 10, 'x') : std::to_string(length_) + " bytes");
		sent_++;
		StartWrite(&out_);
	}
	std::string method_;
	grpc::ByteBuffer in_, out_;
	size_t length_ = 0;
	int sent_ = 0;
};

class Service : public grpc::CallbackGenericService {
	grpc::ServerGenericBidiReactor *CreateReactor(grpc::GenericCallbackServerContext *context) override { return new Call(context->method()); }
};

static int serve()
{
	Service service;
	int port = 0;
	grpc::ServerBuilder builder;
	builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
	builder.RegisterCallbackGenericService(&service);
	std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
	std::printf("%d\n", port);
	std::fflush(stdout);
	server->Wait();
	return 0;
}

static void ask(grpc::GenericStub &stub, const std::string &method, int messages, int limit_ms, int round)
{
	grpc::ClientContext context;
	grpc::CompletionQueue queue;
	grpc::Status status;
	grpc::ByteBuffer in;
	void *tag;
	bool ok = true;

	context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(limit_ms));
	context.AddMetadata("x-round", std::to_string(round));
	auto stream = stub.PrepareCall(&context, "/shop.Items/" + method, &queue);
	stream->StartCall(nullptr);
	queue.Next(&tag, &ok);
	for (int i = 0; ok && i < messages; i++) {
		stream->Write(bytes(std::string(7 * (i + 1), 'm')), nullptr);
		queue.Next(&tag, &ok);
	}
	if (ok) {
		stream->WritesDone(nullptr);
		queue.Next(&tag, &ok);
	}
	for (ok = true; ok;) {
		stream->Read(&in, nullptr);
		queue.Next(&tag, &ok);
	}
	stream->Finish(&status, nullptr);
	queue.Next(&tag, &ok);
	std::printf("%s %d\n", method.c_str(), status.error_code());
}

static int talk(const std::string &address)
{
	grpc::GenericStub stub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
	for (int i = 0; i < 4; i++) {
		ask(stub, "Get", 1, 60000, i);
		ask(stub, "List", 1, 60000, i);
		ask(stub, "Put", 4, 60000, i);
		ask(stub, "Chat", 3, 60000, i);
	}
	for (const char *method : {"Fail", "Missing", "None"})
		ask(stub, method, 1, 60000, 9);
	ask(stub, "Slow", 1, 200, 9);
	std::vector<std::thread> threads;
	for (int i = 0; i < 6; i++)
		threads.emplace_back([&stub, i] { ask(stub, "Chat", 4, 60000, i); });
	for (std::thread &thread : threads)
		thread.join();
	return 0;
}

int main(int argc, char **argv)
{
	return argc > 2 ? talk(argv[2]) : serve();
}
