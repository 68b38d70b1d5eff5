// Truth asks a container runtime over its CRI socket to pull images, as a kubelet does: every
// credential in its turn until one of them works. Questions are JSON lines on standard input,
// answers are JSON lines on standard output in the order in which they come to be known.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

type question struct {
	ID    uint64 `json:"id"`
	Image string `json:"image"`
	// Credentials in the kubelet's order; none is one anonymous attempt.
	Auths []auth `json:"auths"`
	// Seconds for all attempts together.
	Timeout uint `json:"timeout"`
}

type auth struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

type answer struct {
	ID uint64 `json:"id"`
	OK bool   `json:"ok"`
	// Of the last attempt: the gRPC code, "NotFound" say.
	Code string `json:"code"`
	// Of all attempts, in the form that the kubelet gives an aggregate.
	Error string `json:"error"`
	// What the runtime says it pulled.
	Ref string `json:"ref"`
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: truth CRI-SOCKET")
	}
	connection, err := grpc.NewClient("unix://"+os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	images := cri.NewImageServiceClient(connection)

	var running sync.WaitGroup
	var writing sync.Mutex
	output := json.NewEncoder(os.Stdout)
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 16<<20)
	for input.Scan() {
		var asked question
		if err := json.Unmarshal(input.Bytes(), &asked); err != nil {
			log.Fatalf("%v in %q", err, input.Text())
		}
		running.Go(func() {
			told := pull(images, asked)
			writing.Lock()
			defer writing.Unlock()
			if err := output.Encode(told); err != nil {
				log.Fatal(err)
			}
		})
	}
	running.Wait()
	if err := input.Err(); err != nil {
		log.Fatal(err)
	}
}

func pull(images cri.ImageServiceClient, asked question) answer {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// Not a deadline, which would go with the request: a kubelet sets none.
	var late atomic.Bool
	timer := time.AfterFunc(time.Duration(asked.Timeout)*time.Second, func() {
		late.Store(true)
		cancel()
	})
	defer timer.Stop()
	auths := []*cri.AuthConfig{}
	for _, it := range asked.Auths {
		auths = append(auths, &cri.AuthConfig{Username: it.Username, Password: it.Password})
	}
	if len(auths) == 0 {
		auths = append(auths, nil)
	}
	var failures []string
	var code string
	for _, auth := range auths {
		response, err := images.PullImage(ctx, &cri.PullImageRequest{
			Image: &cri.ImageSpec{Image: asked.Image, UserSpecifiedImage: asked.Image},
			Auth:  auth,
		})
		if err == nil {
			return answer{ID: asked.ID, OK: true, Ref: response.ImageRef}
		}
		code = status.Code(err).String()
		failures = append(failures, status.Convert(err).Message())
		if late.Load() {
			break
		}
	}
	if late.Load() {
		code = "Unfinished"
		failures = []string{fmt.Sprintf("no end after %d s", asked.Timeout)}
	}
	text := failures[0]
	if len(failures) > 1 {
		text = "[" + strings.Join(failures, ", ") + "]"
	}
	return answer{ID: asked.ID, Code: code, Error: text}
}
