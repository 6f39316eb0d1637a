// SPDX-License-Identifier: Apache-2.0
/* What Kafka's own Java clients do: administration, producing, a group that consumes, a transaction, and what the server refuses. */
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

public class Client {
	static Map<String, Object> with(String server, Object... more) {
		Map<String, Object> m = new HashMap<>(Map.of("bootstrap.servers", server, "client.id", "golden"));
		for (int i = 0; i < more.length; i += 2)
			m.put((String)more[i], more[i + 1]);
		return m;
	}

	static void attempt(Callable<?> c) {
		try {
			c.call();
		} catch (Exception e) {
			System.out.println(e.getCause() == null ? e : e.getCause());
		}
	}

	static void administer(String server) throws Exception {
		try (Admin admin = Admin.create(with(server))) {
			admin.createTopics(List.of(new NewTopic("orders", 2, (short)1), new NewTopic("payments", 1, (short)1))).all().get();
			attempt(() -> admin.createTopics(List.of(new NewTopic("orders", 2, (short)1))).all().get());
			attempt(() -> admin.createTopics(List.of(new NewTopic("far", 1, (short)3))).all().get());
			admin.listTopics().names().get();
			admin.describeTopics(List.of("orders")).allTopicNames().get();
			attempt(() -> admin.describeTopics(List.of("missing")).allTopicNames().get());
			admin.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.TOPIC, "orders"))).all().get();
			admin.createPartitions(Map.of("payments", NewPartitions.increaseTo(2))).all().get();
			admin.listConsumerGroups().all().get();
			attempt(() -> admin.deleteConsumerGroups(List.of("nobody")).all().get());
			admin.deleteTopics(List.of("payments")).all().get();
			admin.describeCluster().nodes().get();
		}
	}

	static void produce(String server) throws Exception {
		try (Producer<String, String> p = new KafkaProducer<>(with(server, "acks", "all", "linger.ms", 0), new StringSerializer(), new StringSerializer())) {
			for (int i = 0; i < 4; i++)
				p.send(new ProducerRecord<>("orders", i % 2, "k" + i, "order " + i)).get();
			attempt(() -> p.send(new ProducerRecord<>("orders", 0, "big", "x".repeat(8000))).get());
		}
		try (Producer<String, String> p = new KafkaProducer<>(with(server, "acks", "0", "enable.idempotence", false), new StringSerializer(), new StringSerializer())) {
			p.send(new ProducerRecord<>("orders", 0, "k", "not answered")).get();
			p.send(new ProducerRecord<>("orders", 1, "k", "not answered")).get();
		}
		try (Producer<String, String> p = new KafkaProducer<>(with(server, "transactional.id", "golden-tx"), new StringSerializer(), new StringSerializer())) {
			p.initTransactions();
			p.beginTransaction();
			p.send(new ProducerRecord<>("orders", 0, "k", "in a transaction"));
			p.commitTransaction();
			p.beginTransaction();
			p.send(new ProducerRecord<>("orders", 1, "k", "taken back"));
			p.abortTransaction();
		}
	}

	static void consume(String server, String protocol) throws Exception {
		Map<String, Object> m = with(server, "group.id", "golden-" + protocol, "auto.offset.reset", "earliest", "group.protocol", protocol,
					     "fetch.max.wait.ms", 200, "enable.auto.commit", false);
		try (Consumer<String, String> c = new KafkaConsumer<>(m, new StringDeserializer(), new StringDeserializer())) {
			c.subscribe(List.of("orders"));
			int seen = 0;
			for (int i = 0; i < 40 && seen < 5; i++)
				seen += c.poll(Duration.ofMillis(200)).count();
			for (int i = 0; i < 4; i++)
				c.poll(Duration.ofMillis(200));
			c.commitSync();
			System.out.println(protocol + " " + seen);
		}
	}

	public static void main(String[] a) throws Exception {
		switch (a[1]) {
		case "admin": administer(a[0]); break;
		case "produce": produce(a[0]); break;
		case "consume": consume(a[0], "classic"); break;
		}
	}
}
