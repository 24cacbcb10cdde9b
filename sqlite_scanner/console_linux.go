package main

import "syscall"

const getTerminal = syscall.TCGETS
