// SPDX-License-Identifier: Apache-2.0

// A server of net/http over TLS that wants a certificate of its clients, and a client, for tls_failed.py.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(port, trusted, key string) {
	chain, err := os.ReadFile(trusted)
	must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(chain)
	server := http.Server{
		Addr:      "127.0.0.1:" + port,
		TLSConfig: &tls.Config{ClientAuth: tls.RequireAnyClientCert, ClientCAs: pool},
		ErrorLog:  log.New(io.Discard, "", 0),
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hi") }),
	}
	must(server.ListenAndServeTLS(trusted, key))
}

// How it ends: "through", "alert" where it has read one, "distrusts" where it trusts no server, else "ended".
func ask(port string, insecure bool) string {
	connection, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: insecure, RootCAs: x509.NewCertPool()})
	if err == nil {
		defer connection.Close()
		// Nothing is written, which a server that refuses would answer by a reset.
		_, err = bufio.NewReader(connection).ReadByte()
	}
	switch {
	case err == nil:
		return "through"
	case strings.Contains(err.Error(), "remote error"):
		return "alert"
	case strings.Contains(err.Error(), "x509"):
		return "distrusts"
	}
	return "ended"
}

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3], os.Args[4])
	}
	for ask_again := bufio.NewScanner(os.Stdin); ask_again.Scan(); {
		fmt.Println(ask(os.Args[2], os.Args[3] == "insecure"))
	}
}
