// SPDX-License-Identifier: Apache-2.0
/*
 * Prints the rows of src/proto/kafka_layout.tbl.h from the message definitions of the kafka-clients libraries that are named (the earlier
 * one wins where both know a version): java -cp LATER/kafka-clients.jar Layouts.java EARLIER/kafka-clients.jar LATER/kafka-clients.jar
 * The letters are told in src/proto/kafka_walk.h.
 */
import java.io.File;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.*;

public class Layouts {
	static final Set<String> NULLABLE = Set.of("ConsumerGroupHeartbeat/assignment", "ShareGroupHeartbeat/assignment", "DescribeTopicPartitions/cursor",
						   "DescribeTopicPartitions/next_cursor", "StreamsGroupHeartbeat/topology");
	static String api;

	static Object call(Object o, String name, Object... arguments) throws Exception {
		for (Method m : o.getClass().getMethods()) {
			if (m.getName().equals(name) && m.getParameterCount() == arguments.length) {
				m.setAccessible(true);
				return m.invoke(o, arguments);
			}
		}
		throw new NoSuchMethodException(name);
	}

	static Object get(Object o, String name) throws Exception {
		return o.getClass().getField(name).get(o);
	}

	static boolean isSchema(Object type) {
		return type.getClass().getSimpleName().equals("Schema");
	}

	static String scalar(String type, String field, String path, boolean request) {
		boolean topics = path.contains("/topic") || api.equals("CreatePartitions");
		switch (type) {
		case "BOOLEAN": case "INT8":
			return "b";
		case "INT16": case "UINT16":
			if (!request && field.equals("error_code"))
				return "E";
			return request && field.equals("acks") ? "A" : "h";
		case "INT32":
			if (api.equals("Fetch") && field.equals("session_id"))
				return "S";
			if (api.equals("Fetch") && field.equals("session_epoch"))
				return "P";
			return "i";
		case "INT64": case "FLOAT64":
			return "q";
		case "UUID":
			return field.equals("topic_id") ? path.contains("/forgotten") ? "W" : topics ? "U" : "u" : "u";
		case "BYTES": case "NULLABLE_BYTES": case "COMPACT_BYTES": case "COMPACT_NULLABLE_BYTES":
			return type.startsWith("COMPACT") ? "c" : "B";
		case "RECORDS": case "COMPACT_RECORDS":
			return type.startsWith("COMPACT") ? "c" : "B";
		}
		if (!type.contains("STRING"))
			throw new IllegalArgumentException(type);
		String role = "s";
		if (path.contains("/forgotten") && Set.of("topic", "forgotten_topics_data").contains(field))
			role = "O";
		else if (topics && Set.of("topic", "name", "topic_name", "topics", "topic_names").contains(field) && !path.contains("/configs"))
			role = "T";
		else if (request && (field.equals("group_id") || field.equals("groups") || field.equals("groups_names") || field.equals("group_ids")))
			role = "G";
		else if (request && (field.equals("key") || field.equals("coordinator_keys")) && api.equals("FindCoordinator"))
			role = "K";
		else if (request && field.equals("transactional_id"))
			role = "X";
		else if (!request && field.equals("error_message"))
			role = "M";
		else if (request && field.equals("mechanism"))
			role = "L";
		return type.startsWith("COMPACT") ? "~" + role : role;
	}

	static String layout(Object type, String field, String path, boolean request) throws Exception {
		String name = type.getClass().getSimpleName();
		if (name.equals("TaggedFields"))
			return "_";
		if (isSchema(type)) {
			StringBuilder b = new StringBuilder();
			for (Object f : (Object[])call(type, "fields")) {
				Object def = get(f, "def");
				String inner = (String)get(def, "name");
				b.append(layout(get(def, "type"), inner, path, request));
			}
			String s = b.toString();
			return NULLABLE.contains(api + "/" + field) ? "<" + s + ">" : s;
		}
		if ((Boolean)call(type, "isArray")) {
			Object element = ((Optional<?>)call(type, "arrayElementType")).get();
			String s = layout(element, field, path + "/" + field, request);
			return (name.startsWith("Compact") ? "[" + s + "]" : "(" + s + ")");
		}
		return scalar(type.toString(), field, path + "/" + field, request);
	}

	/* version -> request, response, request header, response header */
	static void read(String jar, TreeMap<Integer, String> names, TreeMap<Integer, TreeMap<Integer, String[]>> apis) throws Exception {
		URLClassLoader loader = new URLClassLoader(new URL[] {new File(jar).toURI().toURL()}, ClassLoader.getPlatformClassLoader());
		Class<?> types = loader.loadClass("org.apache.kafka.common.message.ApiMessageType");
		for (Object t : types.getEnumConstants()) {
			int key = (Short)call(t, "apiKey");
			api = (String)get(t, "name");
			names.put(key, api);
			Object[] requests = (Object[])call(t, "requestSchemas"), responses = (Object[])call(t, "responseSchemas");
			TreeMap<Integer, String[]> versions = apis.computeIfAbsent(key, k -> new TreeMap<>());
			boolean moved = api.startsWith("Share");
			for (int v = 0; v < requests.length; v++) {
				if (requests[v] == null || (versions.containsKey(v) && !moved))
					continue;
				versions.put(v, new String[] {layout(requests[v], "", "", true), layout(responses[v], "", "", false),
							      "" + call(t, "requestHeaderVersion", (short)v), "" + call(t, "responseHeaderVersion", (short)v)});
			}
		}
	}

	public static void main(String[] jars) throws Exception {
		TreeMap<Integer, String> names = new TreeMap<>();
		TreeMap<Integer, TreeMap<Integer, String[]>> apis = new TreeMap<>();
		for (String jar : jars)
			read(jar, names, apis);
		for (int key : apis.keySet()) {
			System.out.println("TT_KAFKA_API(" + key + ", \"" + names.get(key) + "\")");
			TreeMap<Integer, String[]> versions = apis.get(key);
			List<Integer> all = new ArrayList<>(versions.keySet());
			for (int i = 0; i < all.size();) {
				int from = all.get(i), to = from;
				String[] one = versions.get(from);
				while (++i < all.size() && all.get(i) == to + 1 && Arrays.equals(versions.get(all.get(i)), one))
					to++;
				System.out.println("TT_KAFKA_LAYOUT(" + key + ", " + from + ", " + to + ", \"" + header(true, one[2]) + one[0] + "\", \"" +
						   header(false, one[3]) + one[1] + "\")");
			}
		}
	}

	static String header(boolean request, String version) {
		if (request)
			return new String[] {"", "I", "I_"}[Integer.parseInt(version)];
		return version.equals("1") ? "_" : "";
	}
}
