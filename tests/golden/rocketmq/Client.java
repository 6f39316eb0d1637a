// SPDX-License-Identifier: Apache-2.0
/* What RocketMQ's own Java client does: sending in all ways, transactions the broker asks back about, consuming; it prints its own counts. */
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.rocketmq.client.consumer.*;
import org.apache.rocketmq.client.consumer.listener.*;
import org.apache.rocketmq.client.producer.*;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.*;

public class Client {
	static final TreeMap<String, Integer> counts = new TreeMap<>();

	static void count(String what) {
		synchronized (counts) {
			counts.merge(what, 1, Integer::sum);
		}
	}

	static Message message(String topic, int n) {
		return new Message(topic, "tag", "key" + n, ("message " + n).getBytes());
	}

	static void produce(String names) throws Exception {
		DefaultMQProducer p = new DefaultMQProducer("makers");
		p.setNamesrvAddr(names);
		p.setMqClientApiTimeout(30000);
		p.setSendMsgTimeout(30000);
		p.start();
		for (int i = 0; i < 4; i++) {
			p.send(message("news", i));
			count("SEND_MESSAGE_V2");
		}
		CountDownLatch sent = new CountDownLatch(8);
		for (int i = 0; i < 8; i++) {
			count("SEND_MESSAGE_V2");
			p.send(message("news", i), new SendCallback() {
				public void onSuccess(SendResult r) { sent.countDown(); }
				public void onException(Throwable e) { sent.countDown(); }
			});
		}
		sent.await();
		p.sendOneway(message("news", 9));
		count("SEND_MESSAGE_V2");
		p.send(List.of(message("news", 10), message("news", 11)));
		count("SEND_BATCH_MESSAGE");
		count("SEND_MESSAGE_V2");
		p.send(new Message("news", new byte[20000])); // compressed
		count("SEND_MESSAGE_V2");
		p.send(message("nowhere", 1)); // made when it is first used
		try {
			p.viewMessage("7F00000100002A9F00000000000F4240");
		} catch (Exception e) {
			System.err.println("no such message");
		}
		p.shutdown();
	}

	static void consume(String names) throws Exception {
		CountDownLatch got = new CountDownLatch(10);
		DefaultMQPushConsumer[] consumers = new DefaultMQPushConsumer[2];
		for (int i = 0; i < 2; i++) {
			DefaultMQPushConsumer c = consumers[i] = new DefaultMQPushConsumer("readers");
			c.setNamesrvAddr(names);
			c.setMqClientApiTimeout(30000);
			c.setInstanceName("reader" + i);
			c.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
			c.subscribe("news", "*");
			c.registerMessageListener((MessageListenerConcurrently)(list, context) -> {
				list.forEach(m -> got.countDown());
				return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
			});
			c.start();
			Thread.sleep(1500);
		}
		got.await(30, TimeUnit.SECONDS);
		Thread.sleep(1000);
		for (DefaultMQPushConsumer c : consumers)
			c.shutdown();
	}

	static void transact(String names) throws Exception {
		CountDownLatch asked = new CountDownLatch(1);
		TransactionMQProducer p = new TransactionMQProducer("transactors");
		p.setNamesrvAddr(names);
		p.setMqClientApiTimeout(30000);
		p.setSendMsgTimeout(30000);
		p.setTransactionListener(new TransactionListener() {
			public LocalTransactionState executeLocalTransaction(Message m, Object o) {
				return (LocalTransactionState)o;
			}
			public LocalTransactionState checkLocalTransaction(MessageExt m) {
				count("CHECK_TRANSACTION_STATE");
				asked.countDown();
				return LocalTransactionState.COMMIT_MESSAGE;
			}
		});
		p.start();
		for (LocalTransactionState s : LocalTransactionState.values()) {
			p.sendMessageInTransaction(message("news", s.ordinal()), s);
			count("SEND_MESSAGE_V2");
		}
		asked.await(60, TimeUnit.SECONDS);
		Thread.sleep(500);
		p.shutdown();
	}

	public static void main(String[] a) {
		try {
			run(a);
		} catch (Exception e) {
			e.printStackTrace();
			System.exit(1);
		}
	}

	static void run(String[] a) throws Exception {
		switch (a[1]) {
		case "produce": produce(a[0]); break;
		case "consume": consume(a[0]); break;
		case "transact": transact(a[0]); break;
		}
		counts.forEach((what, n) -> System.out.println(what + " " + n));
		System.exit(0);
	}
}
