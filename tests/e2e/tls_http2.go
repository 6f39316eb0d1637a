// SPDX-License-Identifier: Apache-2.0

// A server and clients of HTTP/2 by net/http, over TLS or in the clear, for tls_http2.py. A client opens its connection and uses it; what
// it asks after it was sent a line is what counts.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
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

func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// /S/… is answered with status S. Trailers are a block of headers of their own, in both directions.
func answer(w http.ResponseWriter, r *http.Request) {
	_, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Trailer", "Checked")
	w.Header().Set("Asked", r.Header.Get("Number"))
	w.WriteHeader(number(strings.Split(r.URL.Path, "/")[1]))
	fmt.Fprint(w, r.URL.Path)
	w.Header().Set("Checked", r.Trailer.Get("Sum"))
}

func serve(listener net.Listener, files []string) {
	server := &http.Server{Handler: http.HandlerFunc(answer), Protocols: protocols()}
	if len(files) == 2 {
		must(server.ServeTLS(listener, files[0], files[1]))
	}
	must(server.Serve(listener))
}

func once(client *http.Client, url, path string, status, i int) bool {
	r, err := http.NewRequestWithContext(context.Background(), "PUT", url+path, strings.NewReader("sent"))
	must(err)
	r.Header.Set("Number", strconv.Itoa(i))
	r.Trailer = http.Header{"Sum": []string{strconv.Itoa(i % 3)}}
	done, err := client.Do(r)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return false
	}
	defer done.Body.Close()
	got, err := io.ReadAll(done.Body)
	return err == nil && done.ProtoMajor == 2 && done.StatusCode == status && string(got) == path && done.Header.Get("Asked") == strconv.Itoa(i) &&
		done.Trailer.Get("Checked") == strconv.Itoa(i%3)
}

// How many of the requests succeeded. Some paths come again and again, others once.
func several(client *http.Client, url, prefix string, requests, together int) int {
	statuses := []int{200, 201, 404, 418, 503}
	var all sync.WaitGroup
	var lock sync.Mutex
	succeeded := 0

	for me := range together {
		all.Go(func() {
			for i := me; i < requests; i += together {
				status := statuses[i%5]
				path := fmt.Sprintf("/%d/%s/%d", status, prefix, i%7*(1+i%2*i))
				if once(client, url, path, status, i) {
					lock.Lock()
					succeeded++
					lock.Unlock()
				}
			}
		})
	}
	all.Wait()
	return succeeded
}

// Each client has one connection. It says when it is ready to be told to go on, and what it did.
func ask(url string, clients, requests, together int) {
	list := make([]*http.Client, clients)
	var all sync.WaitGroup
	for i := range list {
		list[i] = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: protocols()}}
		if strings.HasPrefix(url, "http:") {
			p := new(http.Protocols)
			p.SetUnencryptedHTTP2(true)
			list[i].Transport.(*http.Transport).Protocols = p
		}
		if got := several(list[i], url, "before", 20, together); got != 20 {
			must(fmt.Errorf("%d of 20 requests before succeeded", got))
		}
	}
	fmt.Println("ready")
	_, err := fmt.Scanln()
	must(err)
	results := make([]int, clients)
	for i := range list {
		all.Go(func() { results[i] = several(list[i], url, "during", requests, together) })
	}
	all.Wait()
	sum := 0
	for _, got := range results {
		sum += got
	}
	fmt.Println(sum)
	_, err = io.Copy(io.Discard, os.Stdin)
	must(err)
}

func main() {
	if os.Args[1] == "serve" {
		listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
		must(err)
		serve(listener, os.Args[3:])
	}
	ask(os.Args[2], number(os.Args[3]), number(os.Args[4]), number(os.Args[5]))
}
