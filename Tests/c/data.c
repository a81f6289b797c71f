/* data.c - feeding batches from C: a data set in a file, a plan, and a feeder.
 *
 * From the top of the repository, after `python3 scripts/build_native.py`:
 *
 *   cc -std=c11 -ISources/CSwiftOpt/include Tests/c/data.c \
 *      build/native/libswiftopt.a -lm -lpthread -o data && ./data
 *
 * Images lie in two files, their labels in memory. An epoch shuffles them; four threads read
 * and convert ahead of the loop. The program checks every pixel, then goes on in
 * mid-epoch, and looks at what happens when a file is too short. */
#define _GNU_SOURCE /* mkstemp, ftruncate, aligned_alloc */
#include "swiftopt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLES = 1000, FIRST_FILE = 300, HEADER = 16, SIDE = 8, PIXELS = SIDE * SIDE };
enum { BATCH = 32, SLOTS = 3, FIELDS = 2, THREADS = 4, EPOCH = 5 };

static int failures;

static void expect(int condition, const char *what, int64_t which) {
    if (condition) return;
    printf("%s (%d)\n", what, (int)which);
    failures++;
}

static void must(so_status status) {
    if (status == SO_OK) return;
    printf("status %d: %s\n", (int)status, so_last_error());
    exit(1);
}

static unsigned char pixel(int64_t sample, int64_t place) {
    return (unsigned char)(sample * 31 + place * 7);
}

/* A file with a header and some samples; returns its descriptor. */
static int make_file(int64_t first, int64_t count) {
    char name[] = "/tmp/swiftopt-data-XXXXXX";
    int descriptor = mkstemp(name);
    if (descriptor < 0) exit(1);
    unlink(name); /* the open descriptor keeps it */
    size_t size = HEADER + (size_t)count * PIXELS;
    unsigned char *bytes = calloc(size, 1);
    for (int64_t sample = 0; sample < count; sample++)
        for (int64_t place = 0; place < PIXELS; place++)
            bytes[HEADER + sample * PIXELS + place] = pixel(first + sample, place);
    if (write(descriptor, bytes, size) != (ssize_t)size) exit(1);
    free(bytes);
    return descriptor;
}

/* A ring of batches: the feeder writes to it, the loop reads. */
static float images[SLOTS][BATCH * PIXELS];
static int64_t labels[SLOTS][BATCH];
static void *outputs[SLOTS * FIELDS];

static so_data_plan make_plan(const so_data_file *files, const int32_t *numbers) {
    so_data_plan plan = {
        .sampler = {.kind = SO_SAMPLER_SHUFFLED,
                    .sample_count = SAMPLES,
                    .length = SAMPLES,
                    .world = 1,
                    .seed = 42},
        .batch_size = BATCH,
        .field_count = FIELDS,
    };
    plan.fields[0] = (so_data_field){.dtype = SO_UINT8,
                                     .out_dtype = SO_FLOAT32,
                                     .divides_by_255 = 1,
                                     .count = PIXELS,
                                     .out_count = PIXELS,
                                     .files = files,
                                     .file_count = 2};
    plan.fields[1] = (so_data_field){.dtype = SO_INT32,
                                     .out_dtype = SO_INT64,
                                     .count = 1,
                                     .out_count = 1,
                                     .base = numbers,
                                     .stride = sizeof *numbers};
    for (int slot = 0; slot < SLOTS; slot++) {
        outputs[slot * FIELDS] = images[slot];
        outputs[slot * FIELDS + 1] = labels[slot];
    }
    return plan;
}

/* Loops over an epoch from one batch on; returns how it ended. */
static so_status loop(const so_data_plan *plan, int64_t batch, const int64_t *order,
                      int64_t *batches) {
    so_feeder *feeder = NULL;
    must(so_feeder_open(plan, EPOCH, batch, outputs, SLOTS, THREADS, &feeder));
    so_status status;
    for (;; batch++) {
        int64_t slot;
        so_batch_report report;
        status = so_feeder_next(feeder, 10000, &slot, &report);
        if (status != SO_OK || slot == SO_FEEDER_END) break;
        expect(slot >= 0, "no batch in ten seconds", batch);
        if (slot < 0) break;
        for (int64_t row = 0; row < report.samples; row++) {
            int64_t sample = order[batch * BATCH + row];
            if (!plan->skip_errors) expect(labels[slot][row] == 10 * sample, "a label", batch);
            sample = labels[slot][row] / 10;
            for (int64_t place = 0; place < PIXELS; place++)
                expect(images[slot][row * PIXELS + place] == pixel(sample, place) / 255.0f,
                       "a pixel", sample);
        }
        ++*batches;
    }
    so_feeder_close(feeder);
    return status;
}

static void fills_one_batch(const so_data_plan *plan, const int64_t *order) {
    int64_t size;
    so_batch_report report;
    must(so_batch_workspace_size(plan, &size));
    void *workspace = aligned_alloc(64, ((size_t)size + 63) / 64 * 64);
    must(so_batch_fill(plan, EPOCH, 3, outputs, workspace, size, &report));
    expect(report.samples == BATCH, "the samples of a batch", report.samples);
    expect(report.bytes_read == BATCH * PIXELS, "bytes", report.bytes_read);
    for (int row = 0; row < BATCH; row++)
        expect(labels[0][row] == 10 * order[3 * BATCH + row], "a row", row);
    free(workspace);
}

static void draws_by_weight(void) {
    const double weights[4] = {0, 1, 2, 5};
    double accept[4];
    int64_t alias[4], counts[4] = {0}, indices[8000];
    must(so_alias_table(weights, 4, accept, alias));
    so_sampler sampler = {.kind = SO_SAMPLER_WEIGHTED,
                          .sample_count = 4,
                          .length = 8000,
                          .world = 1,
                          .accept = accept,
                          .alias = alias};
    must(so_sample_indices(&sampler, 0, 0, 8000, indices));
    for (int i = 0; i < 8000; i++) counts[indices[i]]++;
    for (int i = 0; i < 4; i++) /* six standard deviations */
        expect(fabs((double)counts[i] - 1000 * weights[i]) < 6 * sqrt(1000 * weights[i]) + 1,
               "the draws of a weight", counts[i]);
}

int main(void) {
    int descriptors[2] = {make_file(0, FIRST_FILE), make_file(FIRST_FILE, SAMPLES - FIRST_FILE)};
    so_data_file files[2] = {
        {.descriptor = descriptors[0], .offset = HEADER, .first = 0, .count = FIRST_FILE},
        {.descriptor = descriptors[1],
         .offset = HEADER,
         .first = FIRST_FILE,
         .count = SAMPLES - FIRST_FILE},
    };
    int32_t numbers[SAMPLES];
    for (int sample = 0; sample < SAMPLES; sample++) numbers[sample] = 10 * sample;
    so_data_plan plan = make_plan(files, numbers);

    int64_t order[SAMPLES], count, batches = 0;
    unsigned char seen[SAMPLES] = {0};
    must(so_sampler_positions(&plan.sampler, &count));
    expect(count == SAMPLES, "positions", count);
    must(so_sample_indices(&plan.sampler, EPOCH, 0, count, order));
    for (int64_t i = 0; i < count; i++) seen[order[i]]++;
    for (int sample = 0; sample < SAMPLES; sample++) expect(seen[sample] == 1, "once", sample);

    must(so_batch_count(&plan, &count));
    expect(count == (SAMPLES + BATCH - 1) / BATCH, "batches", count);
    fills_one_batch(&plan, order);
    must(loop(&plan, 0, order, &batches));
    expect(batches == count, "batches of an epoch", batches);
    must(loop(&plan, 20, order, &batches)); /* resumed: the position is two numbers */
    expect(batches == count + count - 20, "batches after resuming", batches);

    /* The second file loses its last 100 samples. */
    if (ftruncate(descriptors[1], HEADER + (SAMPLES - FIRST_FILE - 100) * PIXELS) != 0) return 1;
    expect(loop(&plan, 0, order, &batches) == SO_READ_FAILED, "a short file", 0);
    expect(strstr(so_last_error(), ": file 1 can't be read at byte ") != NULL &&
               strstr(so_last_error(), ": it ends there") != NULL,
           so_last_error(), 0);
    plan.skip_errors = 1;
    must(loop(&plan, 0, order, &batches));

    plan.batch_size = 0;
    expect(so_batch_count(&plan, &count) == SO_INVALID_VALUE, "a batch size of 0", 0);
    expect(strcmp(so_last_error(), "plan.batch_size is 0; it must be in 1 ... 2^31") == 0,
           so_last_error(), 0);
    draws_by_weight();
    printf("data: %s\n", failures ? "FAILED" : "passed");
    return failures != 0;
}
