// SPDX-License-Identifier: Apache-2.0
/* A provider and its consumer: Peer PORT. Prints a line for each call: method, and what came back. */
import com.alipay.sofa.rpc.config.*;
import com.alipay.sofa.rpc.core.exception.SofaTimeOutException;
import com.alipay.sofa.rpc.core.exception.SofaRpcException;
import java.util.List;

public class Peer {
	public interface Shop {
		String hello(String name);
		int add(int a, int b);
		String missing(String what);
		String slow(int ms);
		void note(String text);
	}

	public interface Nobody {
		String there();
	}

	public static class Handler implements Shop {
		public String hello(String name) { return "hello " + name; }
		public int add(int a, int b) { return a + b; }
		public String missing(String what) { throw new IllegalStateException("no " + what); }
		public String slow(int ms) {
			try { Thread.sleep(ms); } catch (InterruptedException e) {}
			return "slow";
		}
		public void note(String text) {}
	}

	static void call(String method, java.util.concurrent.Callable<Object> f) {
		try {
			f.call();
			System.out.println(method + " OK");
		} catch (IllegalStateException e) {
			System.out.println(method + " THROWN");
		} catch (SofaTimeOutException e) {
			System.out.println(method + " TIMEOUT");
		} catch (Exception e) {
			System.out.println(method + " ERROR");
			System.err.println(method + ": " + e);
		}
	}

	static <T> T refer(Class<T> type, int port) {
		MethodConfig note = new MethodConfig().setName("note").setInvokeType("oneway");
		ConsumerConfig<T> c = new ConsumerConfig<T>().setInterfaceId(type.getName()).setProtocol("bolt")
			.setDirectUrl("bolt://127.0.0.1:" + port).setTimeout(3000).setRetries(0).setRegister(false).setConnectionNum(1).setGeneric(false);
		if (type == Shop.class)
			c.setMethods(List.of(note));
		return c.refer();
	}

	public static void main(String[] a) throws Exception {
		int port = Integer.parseInt(a[0]);
		ServerConfig server = new ServerConfig().setProtocol("bolt").setHost("127.0.0.1").setPort(port).setDaemon(false);
		ProviderConfig<Shop> p = new ProviderConfig<Shop>().setInterfaceId(Shop.class.getName()).setRef(new Handler()).setServer(server)
			.setRegister(false);
		p.export();
		Shop shop = refer(Shop.class, port);
		call("hello", () -> shop.hello("grüße"));
		call("add", () -> shop.add(1, 2));
		call("missing", () -> shop.missing("item"));
		call("hello", () -> shop.hello("x".repeat(3000)));
		shop.note("one way");
		System.out.println("note -");
		Thread[] all = new Thread[6];
		for (int i = 0; i < all.length; i++) {
			int ms = 300 - 50 * i;
			all[i] = new Thread(() -> call("slow", () -> shop.slow(ms)));
			all[i].start();
		}
		for (Thread t : all)
			t.join();
		call("slow", () -> shop.slow(4000));
		Nobody nobody = refer(Nobody.class, port);
		call("there", () -> nobody.there());
		Thread.sleep(16000);
		System.out.flush();
		Runtime.getRuntime().halt(0);
	}
}
