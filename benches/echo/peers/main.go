// go ADDR PORT: a TCP echo server with a goroutine for each connection. (Go sets TCP_NODELAY by default, and uses as
// many threads as there are CPUs that it may run on.)
package main

import (
	"fmt"
	"net"
	"os"
)

func echo(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 64*1024)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:count]); err != nil {
			return
		}
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go ADDR PORT")
		os.Exit(2)
	}
	listener, err := net.Listen("tcp4", net.JoinHostPort(os.Args[1], os.Args[2]))
	if err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	for {
		if connection, err := listener.Accept(); err == nil {
			go echo(connection)
		}
	}
}
