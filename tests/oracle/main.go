// The judge of tests/oracle.rs: answers by the code that nodes run, linked as libraries.
//
// It reads one JSON case a line from stdin and writes one JSON answer a line to stdout, in order.
// A case has exactly one of the fields of the type below; what answers it is named there. What is
// never here: a rule of our own.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	"k8s.io/kubernetes/pkg/util/parsers"
)

type question struct {
	Reference *string   // the kubelet's ParseImageName
	Keyring   *keyring  // the kubelet's MakeDockerKeyring
	Platform  *string   // containerd's platforms.Parse
	Index     *manifest // containerd's choice among the entries of an index
}

type keyring struct {
	Secrets []struct {
		Type string
		Data []byte
	}
	Images []string
}

type manifest struct {
	Node    ocispec.Platform
	Entries []*ocispec.Platform
}

// An answer; Error alone where the node's code returns one.
type answer struct {
	Error       string            `json:"error,omitempty"`
	Reference   string            `json:"reference,omitempty"`
	Credentials [][]credential    `json:"credentials,omitempty"`
	Platform    *ocispec.Platform `json:"platform,omitempty"`
	Formatted   string            `json:"formatted,omitempty"`
	Compatible  []int             `json:"compatible,omitempty"`
	Exact       []int             `json:"exact,omitempty"`
}

type credential struct {
	Source   int    `json:"source"`
	Username []byte `json:"username"`
	Password []byte `json:"password"`
}

func parseReference(text string) (answer, error) {
	name, tag, digest, err := parsers.ParseImageName(text)
	if err != nil {
		return answer{}, err
	}
	if tag != "" {
		name += ":" + tag
	}
	if digest != "" {
		name += "@" + digest
	}
	return answer{Reference: name}, nil
}

func lookUp(asked keyring) (answer, error) {
	var list []v1.Secret
	for i, secret := range asked.Secrets {
		key := v1.DockerConfigJsonKey
		if secret.Type == string(v1.SecretTypeDockercfg) {
			key = v1.DockerConfigKey
		}
		one := v1.Secret{Type: v1.SecretType(secret.Type), Data: map[string][]byte{key: secret.Data}}
		one.Name = strconv.Itoa(i)
		list = append(list, one)
	}
	ring, err := secrets.MakeDockerKeyring(list, &credentialprovider.BasicDockerKeyring{})
	if err != nil {
		return answer{}, err
	}
	var all [][]credential
	for _, image := range asked.Images {
		found, _ := ring.Lookup(image)
		tried := []credential{}
		for _, one := range found {
			source, err := strconv.Atoi(one.Source.Secret.Name)
			if err != nil {
				panic(err)
			}
			tried = append(tried, credential{source, []byte(one.Username), []byte(one.Password)})
		}
		all = append(all, tried)
	}
	return answer{Credentials: all}, nil
}

func parsePlatform(text string) (answer, error) {
	platform, err := platforms.Parse(text)
	if err != nil {
		return answer{}, err
	}
	return answer{Platform: &platform, Formatted: platforms.FormatAll(platform)}, nil
}

// The entries that match, best first, by the handlers that a pull runs an index through. An
// entry's place travels in its size.
func choose(entries []*ocispec.Platform, matcher platforms.MatchComparer) []int {
	list := func(context.Context, ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		var children []ocispec.Descriptor
		for i, platform := range entries {
			children = append(children, ocispec.Descriptor{Size: int64(i), Platform: platform})
		}
		return children, nil
	}
	handler := images.LimitManifests(images.FilterPlatforms(list, matcher), matcher, 0)
	index := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex}
	children, err := handler(context.Background(), index)
	if err != nil {
		panic(err)
	}
	var order []int
	for _, child := range children {
		order = append(order, int(child.Size))
	}
	return order
}

func rank(asked manifest) (answer, error) {
	return answer{
		// The client's own pull, and the transfer service with the node's platform.
		Compatible: choose(asked.Entries, platforms.Only(asked.Node)),
		Exact:      choose(asked.Entries, platforms.Ordered(asked.Node)),
	}, nil
}

func reply(asked question) (answer, error) {
	switch {
	case asked.Reference != nil:
		return parseReference(*asked.Reference)
	case asked.Keyring != nil:
		return lookUp(*asked.Keyring)
	case asked.Platform != nil:
		return parsePlatform(*asked.Platform)
	case asked.Index != nil:
		return rank(*asked.Index)
	}
	return answer{}, fmt.Errorf("an empty case")
}

func main() {
	// The keyring logs every key that it skips.
	quiet := flag.NewFlagSet("klog", flag.PanicOnError)
	klog.InitFlags(quiet)
	for name, value := range map[string]string{
		"logtostderr":                      "false",
		"legacy_stderr_threshold_behavior": "false",
		"stderrthreshold":                  "FATAL",
	} {
		if err := quiet.Set(name, value); err != nil {
			panic(err)
		}
	}
	klog.SetOutput(io.Discard)

	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	buffered := bufio.NewWriterSize(os.Stdout, 1<<20)
	output := json.NewEncoder(buffered)
	for {
		line, err := input.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		var asked question
		if err == nil {
			err = json.Unmarshal(line, &asked)
		}
		if err != nil {
			panic(err)
		}
		given, err := reply(asked)
		if err != nil {
			given = answer{Error: err.Error()}
		}
		if err := output.Encode(given); err != nil {
			panic(err)
		}
		// Whoever waits for this answer before the next case gets it.
		if input.Buffered() == 0 {
			if err := buffered.Flush(); err != nil {
				panic(err)
			}
		}
	}
}
