// SPDX-License-Identifier: Apache-2.0

// A gRPC server and client of grpc-go, with messages that are plain bytes: `peer server`, which prints its port, and `peer client ADDRESS`.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
)

type raw struct{}

func (raw) Name() string                       { return "proto" }
func (raw) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = append([]byte(nil), data...); return nil }

func serve(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var in []byte
	switch method {
	case "/shop.Items/Fail":
		stream.RecvMsg(&in)
		return status.Error(codes.Internal, "no stock: 100% gone")
	case "/shop.Items/Slow":
		<-stream.Context().Done()
		return stream.Context().Err()
	case "/shop.Items/List":
		stream.RecvMsg(&in)
		for i := 0; i < 5; i++ {
			out := make([]byte, 10*i)
			stream.SendMsg(&out)
		}
		return nil
	}
	n := 0
	for stream.RecvMsg(&in) == nil {
		n += len(in)
		if method == "/shop.Items/Chat" {
			stream.SendMsg(&in)
		}
	}
	if method == "/shop.Items/Chat" {
		return nil
	}
	if method != "/shop.Items/Get" && method != "/shop.Items/Put" {
		return status.Error(codes.Unimplemented, "unknown method")
	}
	out := []byte(fmt.Sprintf("%d bytes", n))
	return stream.SendMsg(&out)
}

func call(c *grpc.ClientConn, method string, messages int, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	s, err := c.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return
	}
	for i := 0; i < messages; i++ {
		out := make([]byte, 7*(i+1))
		s.SendMsg(&out)
	}
	s.CloseSend()
	for {
		var in []byte
		if err := s.RecvMsg(&in); err != nil {
			if err != io.EOF {
				fmt.Println(method, status.Code(err))
			}
			return
		}
	}
}

func main() {
	encoding.RegisterCodec(raw{})
	if os.Args[1] == "server" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		fmt.Println(l.Addr().(*net.TCPAddr).Port)
		grpc.NewServer(grpc.UnknownServiceHandler(serve)).Serve(l)
		return
	}
	c, err := grpc.NewClient(os.Args[2], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	for i := 0; i < 3; i++ {
		call(c, "/shop.Items/Get", 1, time.Minute)
		call(c, "/shop.Items/List", 1, time.Minute)
		call(c, "/shop.Items/Put", 4, time.Minute)
		call(c, "/shop.Items/Chat", 3, time.Minute)
	}
	call(c, "/shop.Items/Fail", 1, time.Minute)
	call(c, "/shop.Items/None", 1, time.Minute)
	call(c, "/shop.Items/Slow", 1, 200*time.Millisecond)
	done := make(chan bool)
	for i := 0; i < 6; i++ {
		go func() { call(c, "/shop.Items/Chat", 4, time.Minute); done <- true }()
	}
	for i := 0; i < 6; i++ {
		<-done
	}
	c.Close()
}
