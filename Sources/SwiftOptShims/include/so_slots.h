/* so_slots.h - numbered places, each held by one thread at a time. */
#ifndef SO_SLOTS_H
#define SO_SLOTS_H

#include <stdint.h>

/* The lowest of `count` flags that is 0 is set to 1, and its index returned. If all are set,
 * waits until one is given back. */
static inline int64_t so_take_slot(int32_t *_Nonnull flags, int64_t count) {
    for (;;) {
        for (int64_t slot = 0; slot < count; slot++) {
            if (__atomic_load_n(&flags[slot], __ATOMIC_RELAXED) == 0 &&
                __atomic_exchange_n(&flags[slot], 1, __ATOMIC_ACQUIRE) == 0) {
                return slot;
            }
        }
    }
}

static inline void so_give_back_slot(int32_t *_Nonnull flags, int64_t slot) {
    __atomic_store_n(&flags[slot], 0, __ATOMIC_RELEASE);
}

#endif /* SO_SLOTS_H */
