// SPDX-License-Identifier: Apache-2.0

// A server of net/http over TLS that wants a certificate of its clients, for tls_failed.py.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	trusted, pool := os.Args[3], x509.NewCertPool()
	chain, err := os.ReadFile(trusted)
	if err != nil || !pool.AppendCertsFromPEM(chain) {
		fmt.Fprintln(os.Stderr, "no certificate in", trusted, err)
		os.Exit(1)
	}
	server := http.Server{
		Addr:      "127.0.0.1:" + os.Args[2],
		TLSConfig: &tls.Config{ClientAuth: tls.RequireAnyClientCert, ClientCAs: pool},
		ErrorLog:  log.New(io.Discard, "", 0),
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hi") }),
	}
	fmt.Fprintln(os.Stderr, server.ListenAndServeTLS(trusted, os.Args[4]))
}
