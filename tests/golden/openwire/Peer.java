// SPDX-License-Identifier: Apache-2.0
// ActiveMQ classic, broker and client in one file: `Peer broker PORT`, `Peer client URL`. The client prints how often it did what.
import java.util.Map;
import java.util.TreeMap;
import javax.jms.BytesMessage;
import javax.jms.DeliveryMode;
import javax.jms.Destination;
import javax.jms.JMSException;
import javax.jms.Message;
import javax.jms.MessageConsumer;
import javax.jms.MessageProducer;
import javax.jms.Queue;
import javax.jms.Session;
import javax.jms.TemporaryQueue;
import javax.jms.Topic;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.broker.BrokerService;

public class Peer {
    static final Map<String, Integer> DONE = new TreeMap<>();

    static void did(String what) { DONE.merge(what, 1, Integer::sum); }

    static void broker(String port) throws Exception {
        BrokerService broker = new BrokerService();
        broker.setBrokerName("golden");
        broker.setPersistent(false);
        broker.setUseJmx(false);
        broker.addConnector("tcp://127.0.0.1:" + port);
        broker.start();
        broker.waitUntilStopped();
    }

    static void send(Session session, Destination to, Message message, int mode) throws JMSException {
        MessageProducer producer = session.createProducer(to);
        producer.setDeliveryMode(mode);
        producer.send(message);
        did("Send " + (to instanceof Queue ? ((Queue) to).getQueueName() : ((Topic) to).getTopicName()).replaceFirst("^ID:.*", "temporary"));
        producer.close();
    }

    static void receive(MessageConsumer consumer, int count) throws JMSException {
        for (int i = 0; i < count; i++) {
            if (consumer.receive(5000) == null) throw new IllegalStateException("nothing came");
            did("MessageDispatch");
        }
    }

    static void talk(String url) throws Exception {
        ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(url);
        factory.setWatchTopicAdvisories(false);
        factory.setClientIDPrefix("golden");
        ActiveMQConnection connection = (ActiveMQConnection) factory.createConnection("app", "secret");
        connection.setClientID("shop");
        connection.start();
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        Queue orders = session.createQueue("orders");
        Topic prices = session.createTopic("prices.eur");
        MessageConsumer ofPrices = session.createConsumer(prices);
        MessageConsumer ofOrders = session.createConsumer(orders);
        for (int i = 0; i < 3; i++) {
            Message order = session.createTextMessage("order " + i);
            order.setStringProperty("region", "north");
            send(session, orders, order, DeliveryMode.PERSISTENT);
            send(session, prices, session.createMessage(), DeliveryMode.NON_PERSISTENT);
        }
        receive(ofOrders, 3);
        receive(ofPrices, 3);
        BytesMessage large = session.createBytesMessage();
        large.writeBytes(new byte[20000]);
        send(session, orders, large, DeliveryMode.PERSISTENT);
        Message last = ofOrders.receive(5000);
        did("MessageDispatch");
        last.acknowledge();
        TemporaryQueue replies = session.createTemporaryQueue();
        MessageConsumer ofReplies = session.createConsumer(replies);
        Message asked = session.createMapMessage();
        asked.setJMSReplyTo(replies);
        asked.setJMSCorrelationID("17");
        send(session, orders, asked, DeliveryMode.NON_PERSISTENT);
        receive(ofOrders, 1);
        send(session, replies, session.createObjectMessage("yes"), DeliveryMode.NON_PERSISTENT);
        receive(ofReplies, 1);
        Session transacted = connection.createSession(true, Session.SESSION_TRANSACTED);
        Queue stock = transacted.createQueue("stock");
        send(transacted, stock, transacted.createTextMessage("taken back"), DeliveryMode.PERSISTENT);
        transacted.rollback();
        send(transacted, stock, transacted.createTextMessage("kept"), DeliveryMode.PERSISTENT);
        transacted.commit();
        try {
            ActiveMQConnection second = (ActiveMQConnection) factory.createConnection();
            second.setClientID("shop");
            second.start();
        } catch (JMSException error) {
            did("failed");
        }
        try {
            connection.destroyDestination((org.apache.activemq.command.ActiveMQDestination) orders);
        } catch (JMSException error) {
            did("failed");
        }
        connection.close();
        DONE.forEach((what, count) -> System.out.println(what + ": " + count));
        System.exit(0);
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("broker")) broker(args[1]);
        else talk(args[1]);
    }
}
