// Command python3 is a Python interpreter that go.sum pins to the byte: it unpacks itself beside its own file and becomes
// that.
package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/kluctl/go-embed-python/python"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "python3: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	unpacked, err := python.NewEmbeddedPythonWithTmpDir(program+".unpacked", false)
	if err != nil {
		return err
	}
	command, err := unpacked.PythonCmd2(args)
	if err != nil {
		return err
	}
	return syscall.Exec(command.Path, command.Args, command.Env)
}
