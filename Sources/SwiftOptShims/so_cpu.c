/* so_cpu.c - cpuid and xgetbv by hand. __builtin_cpu_supports would need data
 * that the compiler's runtime library fills in, which not every link has. */
#include "so_cpu.h"

#if defined(__x86_64__)

#include <cpuid.h>

/* The psABI's lists, per cpuid register. Level 3 includes level 2's features. */
static const uint32_t v3_leaf_1_ecx = bit_SSE3 | bit_SSSE3 | bit_FMA | bit_CMPXCHG16B | bit_SSE4_1 |
                                      bit_SSE4_2 | bit_MOVBE | bit_POPCNT | bit_OSXSAVE | bit_AVX |
                                      bit_F16C;
static const uint32_t v3_leaf_7_ebx = bit_BMI | bit_AVX2 | bit_BMI2;
static const uint32_t v3_extended_ecx = bit_LAHF_LM | bit_LZCNT;
static const uint32_t v4_leaf_7_ebx =
    bit_AVX512F | bit_AVX512DQ | bit_AVX512CD | bit_AVX512BW | bit_AVX512VL;
static const uint32_t leaf_7_1_eax_avx512_bf16 = 1 << 5;

/* Bits of XCR0: the register files that the operating system saves. */
static const uint32_t xcr0_xmm_ymm = 1 << 1 | 1 << 2;
static const uint32_t xcr0_mask_zmm = 1 << 5 | 1 << 6 | 1 << 7;

static int has_all(uint32_t value, uint32_t bits) { return (value & bits) == bits; }

/* The intrinsic _xgetbv would need the whole file compiled for XSAVE. */
static uint32_t read_xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

int32_t so_cpu_level(void) {
    uint32_t eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has_all(ecx, v3_leaf_1_ecx)) return 0;
    if (!__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) || !has_all(ecx, v3_extended_ecx)) return 0;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !has_all(ebx, v3_leaf_7_ebx)) return 0;
    uint32_t saved = read_xcr0(); /* faults without OSXSAVE, which is checked above */
    if (!has_all(saved, xcr0_xmm_ymm)) return 0;
    return has_all(ebx, v4_leaf_7_ebx) && has_all(saved, xcr0_mask_zmm) ? 2 : 1;
}

int32_t so_cpu_has_bfloat16_dot(void) {
    uint32_t eax, ebx, ecx, edx;
    return so_cpu_level() == 2 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) &&
           has_all(eax, leaf_7_1_eax_avx512_bf16);
}

#else

int32_t so_cpu_level(void) { return 0; }
int32_t so_cpu_has_bfloat16_dot(void) { return 0; }

#endif
