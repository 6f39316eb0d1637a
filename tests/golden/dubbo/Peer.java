// SPDX-License-Identifier: Apache-2.0
/* A provider and its consumer: Peer PORT SERIALIZATION. Prints a line for each call: method, and what came back. */
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.dubbo.config.*;
import org.apache.dubbo.rpc.RpcException;

public class Peer {
	public interface Shop {
		String hello(String name);
		int add(int a, int b);
		void nothing();
		String missing(String what);
		String slow(int ms);
		CompletableFuture<String> later(int ms);
		void note(String text);
	}

	public interface Nobody {
		String there();
	}

	public static class Handler implements Shop {
		public String hello(String name) { return "hello " + name; }
		public int add(int a, int b) { return a + b; }
		public void nothing() {}
		public String missing(String what) { throw new IllegalStateException("no " + what); }
		public String slow(int ms) {
			try { Thread.sleep(ms); } catch (InterruptedException e) {}
			return "slow";
		}
		public CompletableFuture<String> later(int ms) { return CompletableFuture.supplyAsync(() -> slow(ms)); }
		public void note(String text) {}
	}

	static void call(String method, java.util.function.Supplier<Object> f) {
		try {
			f.get();
			System.out.println(method + " OK");
		} catch (IllegalStateException e) {
			System.out.println(method + " EXCEPTION");
		} catch (RpcException e) {
			if (!e.isTimeout())
				System.err.println(method + ": " + e);
			System.out.println(method + (e.isTimeout() ? " TIMEOUT" : " ERROR"));
		}
	}

	static <T> T refer(ApplicationConfig app, Class<T> type, String url) {
		ReferenceConfig<T> r = new ReferenceConfig<>();
		r.setApplication(app);
		r.setInterface(type);
		r.setUrl(url);
		r.setVersion("1.2.0");
		r.setRetries(0);
		r.setCheck(false);
		MethodConfig note = new MethodConfig();
		note.setName("note");
		note.setReturn(false);
		if (type == Shop.class)
			r.setMethods(List.of(note));
		return r.get();
	}

	public static void main(String[] a) throws Exception {
		int port = Integer.parseInt(a[0]);
		ApplicationConfig app = new ApplicationConfig("golden");
		app.setQosEnable(false);
		ProtocolConfig protocol = new ProtocolConfig("dubbo", port);
		protocol.setSerialization(a[1]);
		ServiceConfig<Shop> s = new ServiceConfig<>();
		s.setApplication(app);
		s.setRegistry(new RegistryConfig("N/A"));
		s.setProtocol(protocol);
		s.setInterface(Shop.class);
		s.setVersion("1.2.0");
		s.setRef(new Handler());
		s.export();

		String options = "?serialization=" + a[1] + "&prefer.serialization=" + a[1] + "&heartbeat=1000&timeout=3000&connections=1";
		Shop shop = refer(app, Shop.class, "dubbo://127.0.0.1:" + port + "/" + Shop.class.getName() + options);
		call("hello", () -> shop.hello("grüße"));
		call("add", () -> shop.add(1, 2));
		call("nothing", () -> { shop.nothing(); return null; });
		call("missing", () -> shop.missing("item"));
		call("hello", () -> shop.hello("x".repeat(3000)));
		call("slow", () -> shop.slow(4000));
		shop.note("one way");
		System.out.println("note -");
		List<CompletableFuture<String>> all = new ArrayList<>();
		for (int i = 0; i < 6; i++)
			all.add(shop.later(300 - 50 * i));
		for (CompletableFuture<String> f : all)
			call("later", f::join);
		Nobody nobody = refer(app, Nobody.class, "dubbo://127.0.0.1:" + port + "/" + Nobody.class.getName() + options);
		call("there", () -> nobody.there());
		Thread.sleep(3100);
		System.out.flush();
		Runtime.getRuntime().halt(0);
	}
}
