/* so_float.c - the floating-point control register. */
#include "so_float.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

uint64_t so_float_begin(void) {
    uint64_t before = _mm_getcsr();
    _mm_setcsr(0x1F80); /* all exceptions masked, no flags */
    return before;
}

void so_float_end(uint64_t settings) { _mm_setcsr((uint32_t)settings); }

#elif defined(__aarch64__)

uint64_t so_float_begin(void) {
    uint64_t control, flags;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("mrs %0, fpsr" : "=r"(flags));
    so_float_end(0);
    return (control & UINT32_MAX) | flags << 32;
}

void so_float_end(uint64_t settings) {
    __asm__ volatile("msr fpcr, %0" : : "r"(settings & UINT32_MAX));
    __asm__ volatile("msr fpsr, %0" : : "r"(settings >> 32));
}

#else
#error "so_float.c: this processor's floating-point control register is missing"
#endif
