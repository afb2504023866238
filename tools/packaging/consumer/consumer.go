// The same steps and the same digest as consumer.c, by cgo, which compiles adamw.c where it lies beside this file.
package main

// #cgo LDFLAGS: -lm -pthread
// #include "adamw.h"
import "C"

import (
	"fmt"
	"math"
	"os"
)

const n = 300007

func uniform(state *uint32) float32 {
	*state = *state*1664525 + 1013904223
	return float32(*state>>8)/8388608 - 1
}

func main() {
	digest, state := uint64(0xCBF29CE484222325), uint32(1)
	for _, arithmetic := range []C.adamw_arithmetic{C.ADAMW_ARITHMETIC_ACCURATE, C.ADAMW_ARITHMETIC_TORCH} {
		var config C.adamw_config
		C.adamw_config_init(&config)
		config.arithmetic = arithmetic
		param, grad := make([]C.float, n), make([]C.float, n)
		expAvg, expAvgSq := make([]C.float, n), make([]C.float, n)
		for i := range param {
			param[i] = C.float(uniform(&state))
		}
		for step := C.uint64_t(1); step <= 3; step++ {
			for i := range grad {
				grad[i] = C.float(uniform(&state))
			}
			if C.adamw_step_f32(&config, step, n, &param[0], &grad[0], &expAvg[0], &expAvgSq[0]) != C.ADAMW_OK {
				os.Exit(1)
			}
		}
		for _, values := range [][]C.float{param, expAvg, expAvgSq} {
			for _, value := range values {
				bits := math.Float32bits(float32(value))
				for shift := 0; shift < 32; shift += 8 {
					digest = (digest ^ uint64(bits>>shift&0xFF)) * 0x100000001B3
				}
			}
		}
	}
	fmt.Printf("%016x\n", digest)
}
