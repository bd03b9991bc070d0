// SPDX-License-Identifier: MIT
//
// The peer that diaglab is measured against: the same work, done by Go's own
// HTTP server and library.
//
//	/             two log lines and "hello world", as step 0
//	/alloc        10 MB of random bytes into a buffer of that capacity, as a
//	              round of step 4
//	/debug/pprof  as every Go program has it
//
//	peer ADDRESS        prints "listening on ADDRESS" to stderr
package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"time"
)

const allocSize = 10000000

func hello(w http.ResponseWriter, r *http.Request) {
	log.Print("Starting processing request...")
	start := time.Now()
	fmt.Fprint(w, "hello world")
	log.Printf("Request processed in %v", time.Since(start))
}

func copyRandom() error {
	buffer := bytes.NewBuffer(make([]byte, 0, allocSize))
	_, err := io.CopyN(buffer, rand.Reader, allocSize)
	return err
}

// Answers with the seconds that ROUNDS copies took, so that HTTP isn't measured.
func alloc(w http.ResponseWriter, r *http.Request) {
	rounds := 20
	fmt.Sscan(r.FormValue("rounds"), &rounds)
	start := time.Now()
	for i := 0; i < rounds; i++ {
		if err := copyRandom(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	fmt.Fprintln(w, time.Since(start).Seconds()/float64(rounds))
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: peer ADDRESS")
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on %v", listener.Addr())
	http.HandleFunc("/", hello)
	http.HandleFunc("/alloc", alloc)
	log.Fatal(http.Serve(listener, nil))
}
