// SPDX-License-Identifier: Apache-2.0
// Java's own HTTP client, which asks for HTTP/2 by an Upgrade of HTTP/1.1: `java Client.java ADDRESS`.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

public class Client {
    static HttpRequest request(String address, String method, String path, String body) {
        return HttpRequest.newBuilder(URI.create("http://" + address + path)).version(HttpClient.Version.HTTP_2).header("X-Token", method.repeat(3))
            .method(method, body.isEmpty() ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body)).build();
    }

    public static void main(String[] args) throws Exception {
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
        for (int i = 0; i < 4; i++) {
            client.send(request(args[0], "GET", "/items?page=" + i, ""), HttpResponse.BodyHandlers.ofString());
            client.send(request(args[0], "POST", "/items", "x".repeat(50 * (i + 1))), HttpResponse.BodyHandlers.ofString());
            client.send(request(args[0], "GET", "/missing", ""), HttpResponse.BodyHandlers.ofString());
        }
        List<CompletableFuture<?>> all = new ArrayList<>();
        for (int i = 0; i < 6; i++) all.add(client.sendAsync(request(args[0], "GET", "/items/" + i % 3, ""), HttpResponse.BodyHandlers.ofString()));
        for (CompletableFuture<?> one : all) one.get();
    }
}
