// A program for the same exercise in another language, for trying `make judge-them`: the lab's flags,
// a connection for each message, nothing durable. Built with -ldflags '-X main.bug=yes' its proposers
// ignore what the promises report.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

var bug string

type message struct {
	From, Number, Promised, AcceptedNumber int
	Kind, Value, AcceptedValue             string
}

type line struct {
	PeerID int    `json:"peer_id"`
	Action string `json:"action"`
	Kind   string `json:"message_type"`
	Value  string `json:"message_value"`
	Number int    `json:"proposal_num"`
}

var (
	me    int
	hosts []string
	roles []string
	lock  sync.Mutex
	// The acceptor, and what this peer has printed as chosen.
	promised, accepted int
	value, chosen      string
)

func say(peer int, action, kind, value string, number int) {
	text, _ := json.Marshal(line{peer, action, kind, value, number})
	os.Stdout.Write(append(text, '\n'))
}

func main() {
	file := flag.String("h", "", "hostsfile")
	candidate := flag.String("v", "", "value")
	delay := flag.Float64("t", 0, "delay in seconds")
	flag.Parse()
	text, err := os.ReadFile(*file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	name, _ := os.Hostname()
	for _, entry := range strings.Split(string(text), "\n") {
		host, role, found := strings.Cut(strings.TrimSpace(entry), ":")
		if found && !strings.HasPrefix(host, "#") {
			hosts, roles = append(hosts, host), append(roles, role)
			if host == name {
				me = len(hosts)
			}
		}
	}
	listener, err := net.Listen("tcp", ":3000")
	if err != nil || me == 0 {
		fmt.Fprintln(os.Stderr, "cannot listen, or no line is", name, err)
		os.Exit(2)
	}
	if strings.HasPrefix(roles[me-1], "proposer") {
		go propose(roles[me-1][len("proposer"):], *candidate, *delay)
	}
	for {
		if connection, err := listener.Accept(); err == nil {
			go answer(connection)
		}
	}
}

// answer handles one message.
func answer(connection net.Conn) {
	defer connection.Close()
	var asked message
	if json.NewDecoder(bufio.NewReader(connection)).Decode(&asked) != nil {
		return
	}
	lock.Lock()
	defer lock.Unlock()
	kind := asked.Kind + "_ack"
	switch asked.Kind {
	case "hello":
		json.NewEncoder(connection).Encode(message{})
		return
	case "chosen":
		choose(asked.Value, asked.Number)
		json.NewEncoder(connection).Encode(message{})
		return
	case "prepare":
		say(asked.From, "received", asked.Kind, asked.Value, asked.Number)
		if asked.Number > promised {
			promised = asked.Number
		}
	case "accept":
		say(asked.From, "received", asked.Kind, asked.Value, asked.Number)
		if asked.Number >= promised {
			promised, accepted, value = asked.Number, asked.Number, asked.Value
		}
	}
	held := value
	if held == "" {
		held = asked.Value
	}
	say(me, "sent", kind, held, promised)
	json.NewEncoder(connection).Encode(
		message{me, asked.Number, promised, accepted, kind, held, value})
}

func choose(what string, number int) {
	if chosen == "" {
		chosen = what
		say(me, "chose", "chose", what, number)
	}
}

// ask sends one message and waits for the answer; none if it does not come.
func ask(to int, question message) *message {
	address := net.JoinHostPort(hosts[to], "3000")
	connection, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return nil
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(2 * time.Second))
	if question.Kind == "prepare" || question.Kind == "accept" {
		say(me, "sent", question.Kind, question.Value, question.Number)
	}
	var answer message
	if json.NewEncoder(connection).Encode(question) != nil ||
		json.NewDecoder(connection).Decode(&answer) != nil {
		return nil
	}
	if answer.Kind != "" {
		say(answer.From, "received", answer.Kind, answer.AcceptedOr(question.Value), answer.Promised)
	}
	return &answer
}

// AcceptedOr is the value that an ack shows.
func (m message) AcceptedOr(asked string) string {
	if m.AcceptedValue != "" {
		return m.AcceptedValue
	}
	return asked
}

// round asks all acceptors; the answers of those that took the number.
func round(acceptors []int, question message) (yes []message, highest int) {
	answers := make(chan *message, len(acceptors))
	for _, to := range acceptors {
		go func(to int) { answers <- ask(to, question) }(to)
	}
	for range acceptors {
		answer := <-answers
		if answer == nil {
			continue
		}
		if answer.Promised > highest {
			highest = answer.Promised
		}
		if answer.Promised == question.Number {
			yes = append(yes, *answer)
		}
		if len(yes)*2 > len(acceptors) {
			break
		}
	}
	return yes, highest
}

func propose(which, candidate string, delay float64) {
	var acceptors []int
	for at, role := range roles {
		for _, one := range strings.Split(role, ",") {
			if one == "acceptor"+which || one == "acceptor" {
				acceptors = append(acceptors, at)
			}
		}
		for at+1 != me && ask(at, message{Kind: "hello"}) == nil {
			time.Sleep(200 * time.Millisecond)
		}
	}
	time.Sleep(time.Duration(delay * float64(time.Second)))
	rand.Seed(time.Now().UnixNano())
	for number := me; ; {
		what := candidate
		yes, highest := round(acceptors, message{From: me, Number: number, Kind: "prepare", Value: what})
		if len(yes)*2 > len(acceptors) {
			newest := 0
			for _, promise := range yes {
				if promise.AcceptedNumber > newest && bug == "" {
					newest, what = promise.AcceptedNumber, promise.AcceptedValue
				}
			}
			question := message{From: me, Number: number, Kind: "accept", Value: what}
			yes, highest = round(acceptors, question)
			if len(yes)*2 > len(acceptors) {
				announce(what, number)
				return
			}
		}
		// Above all that was seen, and this peer's own.
		for number += len(hosts); number <= highest; {
			number += len(hosts)
		}
		time.Sleep(time.Duration(200+rand.Intn(800)) * time.Millisecond)
	}
}

// announce tells everybody, also those who are away for a while.
func announce(what string, number int) {
	lock.Lock()
	choose(what, number)
	lock.Unlock()
	for at := range hosts {
		go func(at int) {
			for tries := 0; at+1 != me && tries < 30; tries++ {
				if ask(at, message{From: me, Number: number, Kind: "chosen", Value: what}) != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}(at)
	}
}
