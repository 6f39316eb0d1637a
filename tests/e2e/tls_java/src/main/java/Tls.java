// SPDX-License-Identifier: Apache-2.0
// A server and a client of Netty over BoringSSL: `Tls serve PORT CHAIN KEY`, `Tls ask PORT VERSION CONNECTIONS REQUESTS`. The
// client asks once for /warm, and for the rest when it is given a line; it says how many answers were 200.
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

public final class Tls {
	private static final EventLoopGroup LOOPS = new NioEventLoopGroup(2);

	private static final class Answer extends SimpleChannelInboundHandler<FullHttpRequest> {
		@Override
		protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
			FullHttpResponse response = new DefaultFullHttpResponse(
				HttpVersion.HTTP_1_1, HttpResponseStatus.OK, Unpooled.copiedBuffer("hello\n", StandardCharsets.UTF_8));
			response.headers().set("Content-Length", 6);
			context.writeAndFlush(response);
		}
	}

	private static final class Connection {
		private final BlockingQueue<Integer> answers = new LinkedBlockingQueue<>();
		private final Channel channel;

		Connection(SslContext tls, int port) throws Exception {
			channel = new Bootstrap().group(LOOPS).channel(NioSocketChannel.class).handler(new ChannelInitializer<SocketChannel>() {
				@Override
				protected void initChannel(SocketChannel c) {
					c.pipeline().addLast(tls.newHandler(c.alloc(), "localhost", port), new HttpClientCodec(), new HttpObjectAggregator(1 << 16),
						new SimpleChannelInboundHandler<FullHttpResponse>() {
							@Override
							protected void channelRead0(ChannelHandlerContext context, FullHttpResponse response) {
								answers.add(response.status().code());
							}
						});
				}
			}).connect("127.0.0.1", port).sync().channel();
		}

		void ask(String path) throws Exception {
			FullHttpRequest request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, path);
			request.headers().set("Host", "localhost");
			channel.writeAndFlush(request).sync();
		}

		boolean answered() throws InterruptedException {
			return answers.take() == 200;
		}
	}

	private static void serve(int port, File chain, File key) throws Exception {
		SslContext tls = SslContextBuilder.forServer(chain, key).sslProvider(SslProvider.OPENSSL).build();
		new ServerBootstrap().group(LOOPS).channel(NioServerSocketChannel.class).childHandler(new ChannelInitializer<SocketChannel>() {
			@Override
			protected void initChannel(SocketChannel c) {
				c.pipeline().addLast(tls.newHandler(c.alloc()), new HttpServerCodec(), new HttpObjectAggregator(1 << 16), new Answer());
			}
		}).bind("127.0.0.1", port).sync().channel().closeFuture().sync();
	}

	private static void ask(int port, String version, int connections, int requests) throws Exception {
		SslContext tls = SslContextBuilder.forClient().sslProvider(SslProvider.OPENSSL).protocols(version)
			.trustManager(InsecureTrustManagerFactory.INSTANCE).build();
		Connection warm = new Connection(tls, port);
		int good = 0;

		warm.ask("/warm");
		System.out.println(warm.answered());
		new BufferedReader(new InputStreamReader(System.in)).readLine();
		List<Connection> all = new ArrayList<>();
		for (int c = 0; c < connections; c++)
			all.add(new Connection(tls, port));
		for (int r = 0; r < requests; r++) {
			for (int c = 0; c < connections; c++)
				all.get(c).ask("/java/" + c + "/" + r);
			for (Connection c : all)
				good += c.answered() ? 1 : 0;
		}
		for (Connection c : all)
			c.channel.close().sync();
		System.out.println(good);
	}

	public static void main(String[] args) throws Exception {
		int port = Integer.parseInt(args[1]);

		if (args[0].equals("serve"))
			serve(port, new File(args[2]), new File(args[3]));
		else
			ask(port, args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]));
		System.exit(0);
	}
}
