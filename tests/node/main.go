// Kubernetes in one program, for tests: the first argument chooses which part
// of it runs. The parts themselves are upstream's own commands; nothing of
// theirs is changed here.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// How long etcd may take to open an empty store.
const etcdPatience = 60 * time.Second

func main() {
	if len(os.Args) < 2 {
		fail("say which part to run: apiserver, controller-manager, scheduler, kubelet or kubectl")
	}
	part := os.Args[1]
	// The commands read os.Args themselves, kubectl even before it parses them.
	os.Args = append([]string{part}, os.Args[2:]...)

	switch part {
	case "apiserver":
		os.Args = append(os.Args, "--etcd-servers="+etcd())
		run(apiserver.NewAPIServerCommand())
	case "controller-manager":
		run(manager.NewControllerManagerCommand())
	case "scheduler":
		run(scheduler.NewSchedulerCommand())
	case "kubelet":
		run(kubelet.NewKubeletCommand(context.Background()))
	case "kubectl":
		run(kubectl.NewDefaultKubectlCommand())
	default:
		fail("no such part: " + part)
	}
}

func run(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

// etcd serves an empty store inside this process and gives its address. The
// store is in ETCD_DIR, which whoever started the program also removes.
func etcd() string {
	dir := os.Getenv("ETCD_DIR")
	if dir == "" {
		fail("ETCD_DIR names no folder for etcd's data")
	}
	// Unix sockets are refused as advertised addresses; port 0 is not.
	free := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config := embed.NewConfig()
	config.Dir = dir
	config.ListenClientUrls = []url.URL{free}
	config.AdvertiseClientUrls = []url.URL{free}
	config.ListenPeerUrls = []url.URL{free}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.EnableGRPCGateway = false
	config.UnsafeNoFsync = true
	config.LogLevel = "error"
	store, err := embed.StartEtcd(config)
	if err != nil {
		fail(err.Error())
	}
	select {
	case <-store.Server.ReadyNotify():
	case <-time.After(etcdPatience):
		fail("etcd is not ready after " + etcdPatience.String())
	}
	return "http://" + store.Clients[0].Addr().String()
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
