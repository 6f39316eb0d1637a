// SPDX-License-Identifier: Apache-2.0
/* What ZooKeeper's own Java client does: nodes, what is refused, transactions, watches, many requests at a time, authentication. */
import java.util.*;
import java.util.concurrent.*;
import org.apache.zookeeper.*;
import org.apache.zookeeper.data.*;

public class Client {
	static final List<ACL> OPEN = ZooDefs.Ids.OPEN_ACL_UNSAFE;

	static void attempt(Callable<?> c) {
		try {
			c.call();
		} catch (Exception e) {
			System.out.println(e.getMessage());
		}
	}

	static ZooKeeper connect(String server) throws Exception {
		CountDownLatch up = new CountDownLatch(1);
		ZooKeeper zk = new ZooKeeper(server, 6000, e -> up.countDown());
		up.await();
		return zk;
	}

	static void nodes(ZooKeeper zk) throws Exception {
		zk.create("/app", "one".getBytes(), OPEN, CreateMode.PERSISTENT);
		zk.create("/app/lock-", new byte[0], OPEN, CreateMode.EPHEMERAL_SEQUENTIAL);
		zk.create("/app/with-stat", null, OPEN, CreateMode.PERSISTENT, new Stat());
		zk.create("/app/ttl", null, OPEN, CreateMode.PERSISTENT_WITH_TTL, new Stat(), 60000);
		zk.create("/container", null, OPEN, CreateMode.CONTAINER);
		zk.getData("/app", false, new Stat());
		zk.setData("/app", "x".repeat(6000).getBytes(), 0);
		zk.getData("/app", false, null);
		zk.getChildren("/app", false);
		zk.getChildren("/app", false, new Stat());
		zk.getAllChildrenNumber("/app");
		zk.getEphemerals("/app");
		zk.exists("/app", false);
		zk.exists("/none", false);
		zk.getACL("/app", new Stat());
		zk.setACL("/app", OPEN, -1);
		zk.whoAmI();
		CountDownLatch synced = new CountDownLatch(1);
		zk.sync("/app", (rc, path, ctx) -> synced.countDown(), null);
		synced.await();
		attempt(() -> zk.getData("/none", false, null));
		attempt(() -> zk.create("/app", null, OPEN, CreateMode.PERSISTENT));
		attempt(() -> zk.setData("/app", null, 99));
		attempt(() -> { zk.delete("/app", -1); return null; });
		attempt(() -> zk.create("/nowhere/deep", null, OPEN, CreateMode.PERSISTENT));
		attempt(() -> zk.create("/acl", null, new ArrayList<>(), CreateMode.PERSISTENT));
		zk.multi(List.of(Op.create("/app/m", null, OPEN, CreateMode.PERSISTENT), Op.check("/app", -1), Op.setData("/app/m", new byte[0], -1),
				 Op.delete("/app/m", -1)));
		attempt(() -> zk.multi(List.of(Op.create("/app/m", null, OPEN, CreateMode.PERSISTENT), Op.check("/app", 77), Op.delete("/app/m", -1))));
		attempt(() -> zk.multi(List.of(Op.getData("/app"), Op.getChildren("/none"))));
	}

	static void watches(ZooKeeper zk, ZooKeeper other) throws Exception {
		zk.create("/watched", null, OPEN, CreateMode.PERSISTENT);
		zk.getData("/watched", true, null);
		zk.getChildren("/watched", true);
		zk.exists("/later", true);
		zk.addWatch("/watched", AddWatchMode.PERSISTENT);
		other.setData("/watched", "changed".getBytes(), -1);
		other.create("/watched/child", null, OPEN, CreateMode.PERSISTENT);
		other.create("/later", null, OPEN, CreateMode.PERSISTENT);
		other.delete("/watched/child", -1);
		Thread.sleep(300);
		zk.removeAllWatches("/watched", Watcher.WatcherType.Any, false);
		attempt(() -> { zk.removeAllWatches("/nothing", Watcher.WatcherType.Any, false); return null; });
	}

	static void many(ZooKeeper zk) throws Exception {
		CountDownLatch done = new CountDownLatch(40);
		for (int i = 0; i < 20; i++) {
			zk.create("/n" + i, null, OPEN, CreateMode.EPHEMERAL, (rc, path, ctx, name) -> done.countDown(), null);
			zk.getData(i % 5 == 0 ? "/none" : "/n" + i, false, (rc, path, ctx, data, stat) -> done.countDown(), null);
		}
		done.await();
	}

	public static void main(String[] a) throws Exception {
		try (ZooKeeper zk = connect(a[0]); ZooKeeper other = connect(a[0])) {
			switch (a[1]) {
			case "nodes": nodes(zk); break;
			case "watches": watches(zk, other); Thread.sleep(2500); break;
			case "many": many(zk); break;
			case "auth":
				zk.addAuthInfo("digest", "user:secret".getBytes());
				zk.create("/mine", null, ZooDefs.Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
				zk.getData("/mine", false, null);
				attempt(() -> other.getData("/mine", false, null));
				other.addAuthInfo("nosuch", new byte[0]);
				Thread.sleep(300);
				break;
			}
		}
	}
}
