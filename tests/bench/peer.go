// SPDX-License-Identifier: MIT
//
// The peer that diaglab is measured against: the same work, done by Go's own
// HTTP server and library.
//
//	/             two log lines and "hello world", as step 0
//	/alloc        10 MB of random bytes into a buffer of that capacity, as a
//	              round of step 4
//	/park /spawn /pingpong /mutex /limited /profile /echo?n=N   ns of CPU time
//	              per operation (wall=1: of time that passes), as the scenario
//	              94-sync
//	/unpark       ends the goroutines of the last /park
//	/parked       bytes of memory per goroutine that /park left parked
//	/leak?n=N     starts N goroutines that wait for ever
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
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
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

// CPU seconds of the process.
func cpuTime() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

var started = time.Now()

func wallTime() float64 { return time.Since(started).Seconds() }

// Answers with the ns that f(n) takes for each of n: of CPU time, or with wall=1
// of time that passes.
func measure(f func(n int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n := 1
		fmt.Sscan(r.FormValue("n"), &n)
		clock := cpuTime
		if r.FormValue("wall") != "" {
			clock = wallTime
		}
		began := clock()
		f(n)
		fmt.Fprintln(w, (clock()-began)/float64(n)*1e9)
	}
}

var bytesPerParked float64
var parkedOn chan int

// Memory that goroutines take: their stacks, and what is allocated for them.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse + m.HeapAlloc
}

func park(n int) {
	before := inUse()
	parked := runtime.NumGoroutine() + n
	c := make(chan int)
	parkedOn = c
	var all sync.WaitGroup
	all.Add(n)
	for i := 0; i < n; i++ {
		go func() { all.Done(); <-c }()
	}
	all.Wait()
	for runtime.NumGoroutine() < parked {
		runtime.Gosched()
	}
	// Later rounds find the stacks of goroutines that have ended.
	if used := float64(inUse()-before) / float64(n); used > bytesPerParked {
		bytesPerParked = used
	}
}

// Ends the goroutines that the last /park started.
func unpark(w http.ResponseWriter, r *http.Request) {
	running := runtime.NumGoroutine()
	close(parkedOn)
	for runtime.NumGoroutine() > running/2 {
		runtime.Gosched()
	}
	fmt.Fprintln(w, 0)
}

func spawn(n int) {
	var all sync.WaitGroup
	for i := 0; i < n/100; i++ {
		all.Add(100)
		for j := 0; j < 100; j++ {
			go all.Done()
		}
		all.Wait()
	}
}

func pingpong(n int) {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for v := range ping {
			pong <- v
		}
	}()
	for i := 0; i < n; i++ {
		ping <- i
		<-pong
	}
	close(ping)
}

func mutex(n int) {
	var m sync.Mutex
	for i := 0; i < n; i++ {
		m.Lock()
		m.Unlock()
	}
}

func limited(n int) {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for v := range ping {
			send(pong, v)
		}
	}()
	for i := 0; i < n; i++ {
		send(ping, i)
		timer := time.NewTimer(100 * time.Second)
		select {
		case <-pong:
		case <-timer.C:
		}
		timer.Stop()
	}
	close(ping)
}

func send(c chan int, v int) {
	timer := time.NewTimer(100 * time.Second)
	select {
	case c <- v:
	case <-timer.C:
	}
	timer.Stop()
}

var things = pprof.NewProfile("bench.Things")

func profile(n int) {
	for i := 0; i < n; i++ {
		things.Add(i, 0)
		things.Remove(i)
	}
}

// A byte there and back over TCP.
func echo(n int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	go func() {
		far, err := listener.Accept()
		if err != nil {
			return
		}
		defer far.Close()
		b := make([]byte, 1)
		for {
			if _, err := far.Read(b); err != nil {
				return
			}
			far.Write(b)
		}
	}()
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer near.Close()
	b := make([]byte, 1)
	for i := 0; i < n; i++ {
		near.Write(b)
		near.Read(b)
	}
}

func leak(w http.ResponseWriter, r *http.Request) {
	n := 0
	fmt.Sscan(r.FormValue("n"), &n)
	quit := make(chan bool)
	for i := 0; i < n; i++ {
		go func() { <-quit }()
	}
	fmt.Fprintln(w, n)
}

// Answers with the requests per second that ten goroutines got answered by
// another server, on ten connections.
func client(w http.ResponseWriter, r *http.Request) {
	const tasks = 10
	n := 0
	fmt.Sscan(r.FormValue("n"), &n)
	url := r.FormValue("url")
	client := http.Client{Transport: &http.Transport{MaxConnsPerHost: tasks, MaxIdleConnsPerHost: tasks}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	all.Add(tasks)
	began := time.Now()
	for i := 0; i < tasks; i++ {
		go func() {
			defer all.Done()
			for j := 0; j < n/tasks; j++ {
				answer, err := client.Get(url)
				if err != nil {
					log.Fatal(err)
				}
				body, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err != nil || string(body) != "hello world" {
					log.Fatal(err, string(body))
				}
			}
		}()
	}
	all.Wait()
	fmt.Fprintln(w, float64(n/tasks*tasks)/time.Since(began).Seconds())
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
	http.HandleFunc("/leak", leak)
	http.HandleFunc("/client", client)
	http.HandleFunc("/park", measure(park))
	http.HandleFunc("/unpark", unpark)
	http.HandleFunc("/spawn", measure(spawn))
	http.HandleFunc("/pingpong", measure(pingpong))
	http.HandleFunc("/mutex", measure(mutex))
	http.HandleFunc("/limited", measure(limited))
	http.HandleFunc("/profile", measure(profile))
	http.HandleFunc("/echo", measure(echo))
	http.HandleFunc("/parked", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, bytesPerParked)
	})
	log.Fatal(http.Serve(listener, nil))
}
