/* so_cpu.h - what this processor and operating system can run. */
#ifndef SO_CPU_H
#define SO_CPU_H

#include <stdint.h>

/* The highest x86-64 microarchitecture level (System V psABI, section 3.1.1)
 * that kernels may be chosen for:
 *   0  x86-64, and every other architecture
 *   1  x86-64-v3: up to AVX2, FMA, F16C, BMI2; the system saves YMM registers
 *   2  x86-64-v4: AVX-512 F, BW, CD, DQ, VL; it saves ZMM and mask registers
 * Asks the processor each time, which is slow inside a virtual machine: call it
 * once and keep the answer. */
int32_t so_cpu_level(void);

/* 1: level 2, and the dot product of bfloat16 pairs (AVX-512 BF16). As slow to ask. */
int32_t so_cpu_has_bfloat16_dot(void);

#endif /* SO_CPU_H */
