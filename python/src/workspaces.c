/* workspaces.c - memory that layer calls need while they run.
 *
 * A slot holds a workspace or NULL, and is emptied and filled by exchanges, so that calls on
 * several threads need no lock. */
#include "core.h"

#include <stdlib.h>

/* Before the memory that is handed out: how large it is. */
typedef struct {
    int64_t size;
    char padding[56];
} header;

void *take_workspace(core_state *state, int64_t size) {
    for (int index = 0; index < WORKSPACES; index++) {
        header *kept = __atomic_exchange_n(&state->workspaces[index], NULL, __ATOMIC_ACQ_REL);
        if (kept == NULL) continue;
        if (kept->size >= size) return kept + 1;
        free(kept); /* the next one will be large enough for both */
    }
    if (size < 0 || size > PY_SSIZE_T_MAX - (int64_t)(2 * sizeof(header))) return NULL;
    size_t bytes = (sizeof(header) + (size_t)size + 63) / 64 * 64;
    header *fresh = aligned_alloc(64, bytes);
    if (fresh == NULL) return NULL;
    fresh->size = (int64_t)(bytes - sizeof(header));
    return fresh + 1;
}

void give_back_workspace(core_state *state, void *workspace) {
    if (workspace == NULL) return;
    void *returned = (header *)workspace - 1;
    for (int index = 0; index < WORKSPACES && returned != NULL; index++) {
        void *none = NULL;
        if (__atomic_compare_exchange_n(&state->workspaces[index], &none, returned, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            returned = NULL;
        }
    }
    free(returned);
}

void free_workspaces(core_state *state) {
    for (int index = 0; index < WORKSPACES; index++) {
        free(__atomic_exchange_n(&state->workspaces[index], NULL, __ATOMIC_ACQ_REL));
    }
}
