/* so_float.h - the floating-point settings that results don't depend on. */
#ifndef SO_FLOAT_H
#define SO_FLOAT_H

#include <stdint.h>

/* Switches the calling thread to the default settings (round to nearest, keep
 * subnormal numbers, trap nothing) and returns its own, exception flags included. */
uint64_t so_float_begin(void);

/* Gives the thread back the settings that so_float_begin returned. */
void so_float_end(uint64_t settings);

#endif /* SO_FLOAT_H */
