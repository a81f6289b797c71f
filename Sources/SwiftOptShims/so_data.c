/* so_data.c - reading samples, and what several threads that fill a batch share. */
#define _FILE_OFFSET_BITS 64
#define _GNU_SOURCE /* pread */
#include "so_data.h"

#include <errno.h>
#include <unistd.h>

int64_t so_read_at(int32_t descriptor, void *to, int64_t size, int64_t offset, int32_t *error) {
    int64_t done = 0;
    *error = 0;
    while (done < size) {
        ssize_t got =
            pread(descriptor, (char *)to + done, (size_t)(size - done), (off_t)(offset + done));
        if (got > 0) {
            done += got;
        } else if (got == 0) {
            break; /* the end of the file */
        } else if (errno != EINTR) {
            *error = errno;
            break;
        }
    }
    return done;
}

void so_report_begin(so_batch_report *report) { *report = (so_batch_report){0}; }

static int is_fatal(int32_t fault, int32_t skip_errors) {
    return fault != SO_FAULT_NONE && !(skip_errors && fault == SO_FAULT_READ);
}

void so_report_merge(so_batch_report *report, const so_batch_report *part, int32_t skip_errors) {
    report->samples += part->samples;
    report->bytes_read += part->bytes_read;
    report->cache_hits += part->cache_hits;
    report->cache_misses += part->cache_misses;
    report->read_errors += part->read_errors;
    for (int field = 0; field < SO_DATA_MAX_FIELDS; field++)
        if (part->longest[field] > report->longest[field])
            report->longest[field] = part->longest[field];
    if (part->fault == SO_FAULT_NONE) return;
    int was_fatal = is_fatal(report->fault, skip_errors);
    if (was_fatal != is_fatal(part->fault, skip_errors)) {
        if (was_fatal) return;
    } else if (report->fault != SO_FAULT_NONE && report->fault_row <= part->fault_row) {
        return;
    }
    report->fault = part->fault;
    report->fault_field = part->fault_field;
    report->fault_row = part->fault_row;
    report->fault_value = part->fault_value;
    report->fault_offset = part->fault_offset;
    report->fault_file = part->fault_file;
    report->fault_errno = part->fault_errno;
}

int64_t so_cache_claim(const so_data_cache *cache, int64_t sample) {
    if (__atomic_load_n(cache->used, __ATOMIC_RELAXED) >= cache->capacity) return -1;
    uint32_t absent = 0;
    if (!__atomic_compare_exchange_n(&cache->slots[sample], &absent, UINT32_MAX, 0,
                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return -1;
    int64_t slot = __atomic_fetch_add(cache->used, 1, __ATOMIC_RELAXED);
    if (slot < cache->capacity) return slot;
    __atomic_store_n(&cache->slots[sample], 0, __ATOMIC_RELAXED);
    return -1;
}
