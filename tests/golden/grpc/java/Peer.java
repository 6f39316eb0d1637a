// SPDX-License-Identifier: Apache-2.0
// A gRPC server and client of gRPC Java, with messages that are plain bytes: `Peer server`, which prints its port, and `Peer client ADDRESS`.
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.HandlerRegistry;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

public class Peer {
    static final MethodDescriptor.Marshaller<byte[]> BYTES = new MethodDescriptor.Marshaller<>() {
        public InputStream stream(byte[] value) { return new ByteArrayInputStream(value); }
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (java.io.IOException error) {
                throw new java.io.UncheckedIOException(error);
            }
        }
    };

    static MethodDescriptor<byte[], byte[]> method(String name) {
        return MethodDescriptor.newBuilder(BYTES, BYTES).setType(MethodDescriptor.MethodType.BIDI_STREAMING).setFullMethodName(name).build();
    }

    static StreamObserver<byte[]> call(String method, StreamObserver<byte[]> out) {
        if (method.equals("Fail")) out.onError(Status.INTERNAL.withDescription("no stock: 100% gone").asException());
        if (method.equals("Missing")) out.onError(Status.NOT_FOUND.withDescription("no such item").asException());
        boolean over = method.equals("Fail") || method.equals("Missing");
        return new StreamObserver<>() {
            int length;
            public void onNext(byte[] message) {
                length += message.length;
                if (method.equals("Chat")) out.onNext(message);
            }
            public void onError(Throwable error) {}
            public void onCompleted() {
                if (over || method.equals("Slow")) return;
                if (method.equals("List")) for (int i = 0; i < 5; i++) out.onNext(new byte[10 * i]);
                else if (!method.equals("Chat")) out.onNext((length + " bytes").getBytes());
                out.onCompleted();
            }
        };
    }

    static void serve() throws Exception {
        Set<String> known = Set.of("Get", "List", "Put", "Chat", "Fail", "Missing", "Slow");
        Server server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0)).fallbackHandlerRegistry(new HandlerRegistry() {
            public ServerMethodDefinition<?, ?> lookupMethod(String name, String authority) {
                String last = name.substring(name.lastIndexOf('/') + 1);
                return known.contains(last) ? ServerMethodDefinition.create(method(name), ServerCalls.asyncBidiStreamingCall(out -> call(last, out))) : null;
            }
        }).build().start();
        System.out.println(server.getPort());
        server.awaitTermination();
    }

    static void ask(Channel channel, String method, int messages, int limit, int round) throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        Metadata more = new Metadata();
        more.put(Metadata.Key.of("x-round", Metadata.ASCII_STRING_MARSHALLER), Integer.toString(round));
        Channel with = io.grpc.ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(more));
        StreamObserver<byte[]> out = ClientCalls.asyncBidiStreamingCall(
            with.newCall(method("shop.Items/" + method), CallOptions.DEFAULT.withDeadlineAfter(limit, TimeUnit.MILLISECONDS)), new StreamObserver<>() {
                public void onNext(byte[] message) {}
                public void onError(Throwable error) {
                    System.out.println(method + " " + Status.fromThrowable(error).getCode());
                    done.countDown();
                }
                public void onCompleted() { done.countDown(); }
            });
        try {
            for (int i = 0; i < messages; i++) out.onNext(new byte[7 * (i + 1)]);
            out.onCompleted();
        } catch (IllegalStateException over) {
            // answered early
        }
        done.await();
    }

    static void talk(String address) throws Exception {
        ManagedChannel channel = NettyChannelBuilder.forTarget(address).usePlaintext().build();
        for (int i = 0; i < 4; i++) {
            ask(channel, "Get", 1, 60000, i);
            ask(channel, "List", 1, 60000, i);
            ask(channel, "Put", 4, 60000, i);
            ask(channel, "Chat", 3, 60000, i);
        }
        for (String method : new String[] {"Fail", "Missing", "None"}) ask(channel, method, 1, 60000, 9);
        ask(channel, "Slow", 1, 200, 9);
        Thread[] threads = new Thread[6];
        for (int i = 0; i < threads.length; i++) {
            int round = i;
            threads[i] = new Thread(() -> {
                try {
                    ask(channel, "Chat", 4, 60000, round);
                } catch (Exception error) {
                    throw new IllegalStateException(error);
                }
            });
            threads[i].start();
        }
        for (Thread thread : threads) thread.join();
        channel.shutdown().awaitTermination(5, TimeUnit.SECONDS);
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("server")) serve();
        else talk(args[1]);
    }
}
