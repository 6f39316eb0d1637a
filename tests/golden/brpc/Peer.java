// SPDX-License-Identifier: Apache-2.0
/* A server and its client: Peer PORT. Any message of Protocol Buffers will do; this one has a text and a number, how long to wait. Prints a line for each call: method, and what came back. */
import com.baidu.brpc.client.*;
import com.baidu.brpc.exceptions.RpcException;
import com.baidu.brpc.protocol.BrpcMeta;
import com.baidu.brpc.server.*;
import com.google.protobuf.DescriptorProtos.EnumValueDescriptorProto;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;

public class Peer {
	public interface Echo {
		@BrpcMeta(serviceName = "golden.EchoService", methodName = "Echo") EnumValueDescriptorProto echo(EnumValueDescriptorProto s);
		@BrpcMeta(serviceName = "golden.EchoService", methodName = "Fail") EnumValueDescriptorProto fail(EnumValueDescriptorProto s);
	}

	public interface Unknown {
		@BrpcMeta(serviceName = "golden.EchoService", methodName = "NoSuch") EnumValueDescriptorProto noSuch(EnumValueDescriptorProto s);
	}

	public interface EchoAsync extends Echo {
		Future<EnumValueDescriptorProto> echo(EnumValueDescriptorProto s, RpcCallback<EnumValueDescriptorProto> done);
	}

	public static class Handler implements Echo {
		public EnumValueDescriptorProto echo(EnumValueDescriptorProto s) {
			try { Thread.sleep(s.getNumber()); } catch (InterruptedException e) {}
			return s;
		}
		public EnumValueDescriptorProto fail(EnumValueDescriptorProto s) { throw new IllegalStateException("as it should"); }
	}

	static EnumValueDescriptorProto say(String text, int wait) {
		return EnumValueDescriptorProto.newBuilder().setName(text).setNumber(wait).build();
	}

	static void call(String method, java.util.concurrent.Callable<Object> f) throws Exception {
		try {
			System.out.println(method + (f.call() != null ? " OK" : " NULL"));
		} catch (Exception e) {
			System.out.println(method + " ERROR");
			System.err.println(method + ": " + e);
		}
	}

	public static void main(String[] a) throws Exception {
		int port = Integer.parseInt(a[0]);
		RpcServer server = new RpcServer(port);
		server.registerService(new Handler());
		server.start();
		RpcClientOptions o = new RpcClientOptions();
		o.setReadTimeoutMillis(10000);
		o.setWriteTimeoutMillis(10000);
		o.setMaxTryTimes(1);
		o.setChannelType(com.baidu.brpc.client.channel.ChannelType.SINGLE_CONNECTION);
		RpcClient client = new RpcClient("list://127.0.0.1:" + port, o);
		EchoAsync echo = BrpcProxy.getProxy(client, EchoAsync.class);
		call("Echo", () -> echo.echo(say("hello", 0)));
		call("Echo", () -> echo.echo(say("x".repeat(5000), 0)));
		call("Fail", () -> echo.fail(say("fail", 0)));
		List<Future<EnumValueDescriptorProto>> all = new ArrayList<>();
		for (int i = 0; i < 6; i++)
			all.add(echo.echo(say("n" + i, 300 - 50 * i), new RpcCallback<EnumValueDescriptorProto>() {
				public void success(EnumValueDescriptorProto s) {}
				public void fail(Throwable t) {}
			}));
		for (Future<EnumValueDescriptorProto> f : all)
			call("Echo", () -> f.get());
		RpcClient second = new RpcClient("list://127.0.0.1:" + port, o);
		Unknown unknown = BrpcProxy.getProxy(second, Unknown.class);
		call("NoSuch", () -> unknown.noSuch(say("x", 0)));
		System.out.flush();
		Runtime.getRuntime().halt(0);
	}
}
