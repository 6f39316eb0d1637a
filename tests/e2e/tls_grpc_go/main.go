// SPDX-License-Identifier: Apache-2.0

// A server and clients of grpc-go over TLS, for tls_grpc_go.py: all four kinds of calls, of bytes as they are. A client may open its connection
// and use it; what it calls after it was sent a line is what counts.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
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

// Messages are bytes.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "raw" }

// Gives back what it gets: how often is the kind's business.
func answer(name string) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		var all []byte
		for {
			var m []byte
			if err := stream.RecvMsg(&m); err == io.EOF {
				break
			} else if err != nil {
				return err
			}
			all = append(all, m...)
			if name == "Chat" {
				if err := stream.SendMsg(&m); err != nil {
					return err
				}
			}
		}
		if name == "Missing" {
			return status.Error(codes.NotFound, "no such thing")
		}
		for i := 0; i < map[string]int{"Get": 1, "Put": 1, "List": len(all)}[name]; i++ {
			if err := stream.SendMsg(&all); err != nil {
				return err
			}
		}
		return nil
	}
}

var kinds = []grpc.StreamDesc{
	{StreamName: "Get"}, {StreamName: "List", ServerStreams: true}, {StreamName: "Put", ClientStreams: true},
	{StreamName: "Chat", ServerStreams: true, ClientStreams: true}, {StreamName: "Missing"}}

func serve(port, chain, key string) {
	secure, err := credentials.NewServerTLSFromFile(chain, key)
	must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	must(err)
	service := grpc.ServiceDesc{ServiceName: "shop.Items", HandlerType: (*any)(nil)}
	for _, kind := range kinds {
		kind.Handler = answer(kind.StreamName)
		service.Streams = append(service.Streams, kind)
	}
	server := grpc.NewServer(grpc.Creds(secure), grpc.ForceServerCodec(raw{}))
	server.RegisterService(&service, struct{}{})
	must(server.Serve(listener))
}

// Sends as many messages as the call's number says, where it may send several.
func once(c *grpc.ClientConn, kind *grpc.StreamDesc, i int) bool {
	n := i%4 + 1
	sends, wants := 1, 1
	if kind.ClientStreams {
		sends = n
	}
	if kind.ServerStreams {
		wants = n
	}
	stream, err := c.NewStream(context.Background(), kind, "/shop.Items/"+kind.StreamName, grpc.ForceCodec(raw{}))
	if err != nil {
		return false
	}
	said := []byte("xxxx")[:n/sends]
	for range make([]struct{}, sends) {
		if err := stream.SendMsg(&said); err != nil {
			return false
		}
	}
	if err := stream.CloseSend(); err != nil {
		return false
	}
	for got := 0; ; got++ {
		var m []byte
		if err := stream.RecvMsg(&m); err == io.EOF {
			return got == wants
		} else if err != nil {
			return kind.StreamName == "Missing" && status.Code(err) == codes.NotFound
		}
		if !kind.ServerStreams {
			return true
		}
	}
}

func several(c *grpc.ClientConn, calls int) int {
	right := 0
	for i := 0; i < calls; i++ {
		for k := range kinds {
			if once(c, &kinds[k], i) {
				right++
			}
		}
	}
	return right
}

func ask(address string, clients, calls, before int) {
	list := make([]*grpc.ClientConn, clients)
	secure := credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
	for i := range list {
		c, err := grpc.NewClient(address, grpc.WithTransportCredentials(secure))
		must(err)
		list[i] = c
		if got := several(c, before); got != before*len(kinds) {
			must(fmt.Errorf("%d calls before succeeded", got))
		}
	}
	fmt.Println("ready")
	_, err := fmt.Scanln()
	must(err)
	var all sync.WaitGroup
	results := make([]int, clients)
	for i := range list {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			results[i] = several(list[i], calls)
		}(i)
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
		serve(os.Args[2], os.Args[3], os.Args[4])
	}
	ask(os.Args[2], number(os.Args[3]), number(os.Args[4]), number(os.Args[5]))
}
