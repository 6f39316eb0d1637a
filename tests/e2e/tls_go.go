// SPDX-License-Identifier: Apache-2.0

// A server and a client of net/http over TLS, for tls_go.py. It counts what it did.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	must(err)
	return n
}

// Waits until no goroutine is within a write. What was written is read, and may be answered, before that; it is told at the return.
func settle() {
	stacks := make([]byte, 8<<20)

	for strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "crypto/tls.(*Conn).Write(") {
		time.Sleep(time.Millisecond)
	}
}

// Answers with as many bytes as the path says, and says what it was sent.
func answer(w http.ResponseWriter, r *http.Request) {
	sent, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Sent", strconv.FormatInt(sent, 10))
	if strings.HasPrefix(r.URL.Path, "/none") {
		http.NotFound(w, r)
		return
	}
	fmt.Fprint(w, strings.Repeat("x", number(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])))
}

func serve(port, chain, key string) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	must(err)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		settle()
		os.Exit(0)
	}()
	must(http.ServeTLS(listener, http.HandlerFunc(answer), chain, key))
}

func one(client *http.Client, url string, body, want int) bool {
	r, err := client.Post(url+"/"+strconv.Itoa(want), "text/plain", strings.NewReader(strings.Repeat("y", body)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return false
	}
	defer r.Body.Close()
	got, err := io.Copy(io.Discard, r.Body)
	return err == nil && r.StatusCode == 200 && got == int64(want) && r.Header.Get("Sent") == strconv.Itoa(body)
}

// Requests of several sizes by several goroutines at a time. Waits for a line first, so that it is known when it connects, and for the end of them
// with its connections open.
func ask(url string, requests, together int, http2, kept bool, version uint16) {
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: http2, MaxIdleConnsPerHost: together, MaxConnsPerHost: together,
		DisableKeepAlives: !kept}
	client := &http.Client{Transport: transport}
	sizes := []int{0, 1, 100, 5000, 40000}
	var next, succeeded atomic.Int64
	var all sync.WaitGroup

	fmt.Println("ready")
	_, err := fmt.Scanln()
	must(err)
	for range make([]struct{}, together) {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := int(next.Add(1)); i <= requests; i = int(next.Add(1)) {
				if one(client, url, sizes[i%5], sizes[i/5%5]) {
					succeeded.Add(1)
				}
			}
		}()
	}
	all.Wait()
	settle()
	fmt.Println(succeeded.Load())
	_, err = io.Copy(io.Discard, os.Stdin)
	must(err)
	transport.CloseIdleConnections()
}

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3], os.Args[4])
	}
	versions := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	ask(os.Args[2], number(os.Args[3]), number(os.Args[4]), os.Args[5] == "http2", os.Args[7] == "kept", versions[os.Args[6]])
}
