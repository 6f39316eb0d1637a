// SPDX-License-Identifier: Apache-2.0

// Go's HTTP/2 without TLS: `peer server`, which prints its port, and `peer client ADDRESS`.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

func serve() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Read")
		w.Header().Set("X-Path", r.URL.Path)
		if strings.HasPrefix(r.URL.Path, "/missing") {
			w.WriteHeader(404)
		}
		if strings.HasPrefix(r.URL.Path, "/broken") {
			w.WriteHeader(503)
		}
		fmt.Fprintf(w, "%s %s, %d bytes\n", r.Method, r.URL.Path, len(body))
		w.Header().Set("X-Read", fmt.Sprint(len(body)))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	http.Serve(l, h2c.NewHandler(handler, &http2.Server{}))
}

func ask(client *http.Client, method, url string, body string) {
	request, _ := http.NewRequest(method, url, strings.NewReader(body))
	request.Header.Set("X-Token", strings.Repeat(method, 3))
	answer, err := client.Do(request)
	if err != nil {
		panic(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
}

func main() {
	if os.Args[1] == "server" {
		serve()
		return
	}
	client := &http.Client{Transport: &http2.Transport{AllowHTTP: true, DialTLSContext: func(_ context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
		return net.Dial(network, address)
	}}}
	url := "http://" + os.Args[2]
	for i := 0; i < 4; i++ {
		ask(client, "GET", url+"/items?page="+fmt.Sprint(i), "")
		ask(client, "POST", url+"/items", strings.Repeat("x", 100*i))
		ask(client, "GET", url+"/missing", "")
		ask(client, "PUT", url+"/broken/7", "y")
	}
	var all sync.WaitGroup
	for i := 0; i < 6; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			ask(client, "GET", url+"/items/"+fmt.Sprint(i%3), "")
		}()
	}
	all.Wait()
}
