// SPDX-License-Identifier: Apache-2.0

// A member of a ring, on hashicorp/memberlist as Debian packages it, for tests of interoperation.
// It says what happens, a line each, and does what it is told on standard input:
//
//	members            "member NAME STATE META" for each, then "members COUNT"
//	say NAME TEXT      a user message by stream
//	shout NAME TEXT    a user message by datagram
//	meta HEX           announces other meta
//	leave              says goodbye and ends
//
// Happenings: "join NAME META", "update NAME META", "leave NAME", "heard TEXT". Meta is in hex.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

var printing sync.Mutex

func tell(format string, values ...interface{}) {
	printing.Lock()
	defer printing.Unlock()
	fmt.Printf(format+"\n", values...)
}

func fail(what string, err error) {
	if err != nil {
		tell("failed %s: %v", what, err)
		os.Exit(1)
	}
}

type delegate struct {
	lock sync.Mutex
	meta []byte
}

func (d *delegate) NodeMeta(limit int) []byte {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.meta
}

func (d *delegate) set(meta []byte) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.meta = meta
}

// Text as it is, other bytes in hex.
func (d *delegate) NotifyMsg(message []byte) {
	for _, letter := range message {
		if letter < ' ' || letter > '~' {
			tell("heard %x", message)
			return
		}
	}
	tell("heard %s", message)
}

func (d *delegate) GetBroadcasts(int, int) [][]byte        { return nil }
func (d *delegate) LocalState(join bool) []byte            { return nil }
func (d *delegate) MergeRemoteState(buf []byte, join bool) {}

func (d *delegate) NotifyJoin(n *memberlist.Node)   { tell("join %s %x", n.Name, n.Meta) }
func (d *delegate) NotifyLeave(n *memberlist.Node)  { tell("leave %s", n.Name) }
func (d *delegate) NotifyUpdate(n *memberlist.Node) { tell("update %s %x", n.Name, n.Meta) }

// Quicker than the profile, the same for all kinds of members in these tests.
func hurry(config *memberlist.Config) {
	config.ProbeInterval = 500 * time.Millisecond
	config.ProbeTimeout = 250 * time.Millisecond
	config.GossipInterval = 100 * time.Millisecond
	config.PushPullInterval = 2 * time.Second
	config.DeadNodeReclaimTime = time.Second
}

// Labels came with memberlist 0.3; an older one cannot do what is asked, and says so with 77.
func setLabel(config *memberlist.Config, label string) {
	field := reflect.ValueOf(config).Elem().FieldByName("Label")
	if !field.IsValid() {
		tell("this memberlist has no labels")
		os.Exit(77)
	}
	field.SetString(label)
}

func find(list *memberlist.Memberlist, name string) *memberlist.Node {
	for _, member := range list.Members() {
		if member.Name == name {
			return member
		}
	}
	return nil
}

func send(list *memberlist.Memberlist, words []string) {
	member := find(list, words[1])
	if member == nil {
		tell("unknown %s", words[1])
	} else if words[0] == "say" {
		fail("say", list.SendReliable(member, []byte(words[2])))
	} else {
		fail("shout", list.SendBestEffort(member, []byte(words[2])))
	}
}

func obey(list *memberlist.Memberlist, self *delegate, words []string) {
	switch {
	case words[0] == "members":
		for _, member := range list.Members() {
			tell("member %s %d %x", member.Name, member.State, member.Meta)
		}
		tell("members %d", len(list.Members()))
	case (words[0] == "say" || words[0] == "shout") && len(words) == 3:
		send(list, words)
	case words[0] == "meta" && len(words) == 2:
		meta, err := hex.DecodeString(words[1])
		fail("meta", err)
		self.set(meta)
		fail("meta", list.UpdateNode(10*time.Second))
	case words[0] == "leave":
		fail("leave", list.Leave(10*time.Second))
		fail("leave", list.Shutdown())
		tell("left")
		os.Exit(0)
	default:
		tell("failed: %s: no such command", words[0])
	}
}

func main() {
	name := flag.String("name", "", "name")
	bind := flag.String("bind", "", "IP:PORT")
	join := flag.String("join", "", "IP:PORT of one who is there")
	meta := flag.String("meta", "", "meta, in hex")
	key := flag.String("key", "", "key, in base64")
	label := flag.String("label", "", "label")
	serf := flag.Bool("serf", false, "announce Serf's delegate versions")
	flag.Parse()

	config := memberlist.DefaultLANConfig()
	hurry(config)
	host, port, err := net.SplitHostPort(*bind)
	fail("bind", err)
	number, err := strconv.Atoi(port)
	fail("bind", err)
	config.Name = *name
	config.BindAddr, config.AdvertiseAddr = host, host
	config.BindPort, config.AdvertisePort = number, number
	config.LogOutput = io.Discard
	if log := os.Getenv("MEMBERLIST_LOG"); log != "" {
		config.LogOutput = os.Stderr
	}
	self := &delegate{}
	bytes, err := hex.DecodeString(*meta)
	fail("meta", err)
	self.set(bytes)
	config.Delegate, config.Events = self, self
	if *key != "" {
		config.SecretKey, err = base64.StdEncoding.DecodeString(*key)
		fail("key", err)
	}
	if *serf {
		config.DelegateProtocolMin, config.DelegateProtocolMax = 2, 5
		config.DelegateProtocolVersion = 4
	}
	if *label != "" {
		setLabel(config, *label)
	}
	list, err := memberlist.Create(config)
	fail("create", err)
	if *join != "" {
		_, err = list.Join([]string{*join})
		fail("join", err)
	}
	tell("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if words := strings.SplitN(lines.Text(), " ", 3); words[0] != "" {
			obey(list, self, words)
		}
	}
	select {}
}
