// SPDX-License-Identifier: Apache-2.0

// A Tars server and client of TarsGo, with arguments that are plain bytes: `peer server --config=FILE`, `peer client ADDRESS_PORT`. The client prints
// what it asked and how that ended.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/TarsCloud/TarsGo/tars"
	"github.com/TarsCloud/TarsGo/tars/model"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
)

type items struct{}

func (items) Dispatch(_ context.Context, _ any, request *requestf.RequestPacket, response *requestf.ResponsePacket, _ bool) error {
	switch request.SFuncName {
	case "fail":
		return tars.Errorf(17, "no stock: %s", "gone")
	case "slow":
		time.Sleep(600 * time.Millisecond)
	case "get", "put", "notify":
	default:
		return tars.Errorf(-3, "no such function")
	}
	response.SBuffer = append(request.SBuffer, 1, 2, 3)
	return nil
}

type proxy struct{ servant model.Servant }

func (p *proxy) SetServant(s model.Servant) { p.servant = s }

var printing sync.Mutex

func ask(p *proxy, kind byte, function string, size int, more map[string]string) {
	var answer requestf.ResponsePacket
	err := p.servant.TarsInvoke(context.Background(), kind, function, make([]byte, size), nil, more, &answer)
	how := "ok"
	if kind == 1 {
		how = "one-way"
	} else if err != nil && strings.Contains(err.Error(), "timeout") {
		how = "timeout"
	} else if err != nil || answer.IRet != 0 {
		how = "failed"
	}
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(function, how)
}

func main() {
	if os.Args[1] == "server" {
		os.Args = append(os.Args[:1], os.Args[2:]...)
		tars.GetServerConfig()
		tars.AddServant(items{}, nil, "Golden.Shop.ItemsObj")
		tars.Run()
		return
	}
	communicator := tars.NewCommunicator()
	p := &proxy{}
	communicator.StringToProxy("Golden.Shop.ItemsObj@tcp -h 127.0.0.1 -p "+os.Args[2]+" -t 60000", p)
	for i := 0; i < 3; i++ {
		ask(p, 0, "get", 10+i, nil)
		ask(p, 0, "put", 300, map[string]string{"region": "north", "user": "17"})
		ask(p, 1, "notify", 5, nil)
	}
	ask(p, 0, "put", 9000, nil)
	ask(p, 0, "fail", 1, nil)
	ask(p, 0, "none", 1, nil)
	var all sync.WaitGroup
	for i := 0; i < 6; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			ask(p, 0, []string{"slow", "get"}[i%2], i, nil)
		}()
	}
	all.Wait()
	p.servant.TarsSetTimeout(200)
	ask(p, 0, "slow", 1, nil)
	time.Sleep(time.Second)
	p.servant.TarsSetTimeout(3000)
	p.servant.(*tars.ServantProxy).TarsSetVersion(3)
	ask(p, 0, "get", 4, nil)
	ask(p, 0, "put", 4, nil)
}
