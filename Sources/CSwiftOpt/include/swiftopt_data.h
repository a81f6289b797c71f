/* swiftopt_data.h - the data section of the C contract; swiftopt.h includes it.
 *
 * A plan says where samples lie, in which order an epoch visits them, and what a batch of
 * them becomes: gathered, converted, augmented. Filling a batch is a pure function of the
 * plan, the epoch and the batch's number, so any thread may fill any batch at any time, and a
 * run that is resumed in mid-epoch goes on with the very same bits. A feeder has threads fill
 * batches ahead of the caller.
 *
 * Everything random comes from Philox 4x32-10, keyed by the plan's seed, at a counter of the
 * epoch and the sample. */
#ifndef SWIFTOPT_DATA_H
#define SWIFTOPT_DATA_H

/* ---------------------------------------------------------------- samplers */

enum {
    SO_SAMPLER_SEQUENTIAL = 0, /* 0, 1, 2, ... */
    SO_SAMPLER_SHUFFLED = 1,   /* each sample once, in an order of its own for each epoch */
    SO_SAMPLER_WEIGHTED = 2,   /* drawn with replacement, by an alias table */
    SO_SAMPLER_LISTED = 3,     /* as the caller lists them */
};

/* The order of an epoch. Rank r of a world of w has the positions r, r + w, r + 2w, ... of
 * the `length` that the epoch has: together the ranks visit what one rank would.
 *
 * An alias table (Walker 1977; Vose 1991) has a column per sample. A draw takes a column by
 * chance, each with the same probability; with probability accept[column] it is the sample
 * `column`, else the sample alias[column]. */
typedef struct so_sampler {
    int32_t kind;
    int32_t reserved;
    int64_t sample_count;              /* of the data set, 1 ... 2^48 */
    int64_t length;                    /* 1 ... 2^48: positions of an epoch, all ranks together;
                                        * sample_count if the kind is SEQUENTIAL or SHUFFLED */
    int64_t rank, world;               /* 0 <= rank < world <= 2^20 */
    uint64_t seed;
    const double *SO_NULLABLE accept;  /* WEIGHTED: sample_count numbers in [0, 1] */
    const int64_t *SO_NULLABLE alias;  /* WEIGHTED: sample_count indices */
    const int64_t *SO_NULLABLE listed; /* LISTED: `length` indices, 0 <= index < sample_count */
} so_sampler;

/* How many positions of an epoch are this rank's. */
so_status so_sampler_positions(const so_sampler *SO_NONNULL sampler, int64_t *SO_NONNULL count);
/* indices[i] = the sample at this rank's position first + i of an epoch. A position is a
 * function of its number alone: no order is stored, and any part can be asked for. */
so_status so_sample_indices(const so_sampler *SO_NONNULL sampler, uint64_t epoch, int64_t first,
                            int64_t count, int64_t *SO_NULLABLE indices);

/* Makes the alias table that draws sample i with probability weights[i] / (their sum). Weights
 * are finite and >= 0, and not all 0; a sample of weight 0 is never drawn. No arrays overlap. */
so_status so_alias_table(const double *SO_NULLABLE weights, int64_t count,
                         double *SO_NULLABLE accept, int64_t *SO_NULLABLE alias);

/* ------------------------------------------------------------------ fields */

/* `count` samples in a file, one after the other. Samples are numbered through all files of
 * a field; `first` is the number of this one's first: the sum of the counts before it. */
typedef struct so_data_file {
    int32_t descriptor; /* open for reading; pread is all that is done with it */
    int32_t reserved;
    int64_t offset; /* of its first sample, in bytes */
    int64_t first;
    int64_t count;
} so_data_file;

/* Memory that keeps samples of a field which were read from files. A sample that is read
 * while there is room stays; none is ever thrown out. All plans and feeders that use it do so
 * at the same time. */
typedef struct so_data_cache {
    void *SO_NULLABLE samples;   /* room for `capacity` samples; NULL: no cache */
    uint32_t *SO_NULLABLE slots; /* one per sample of the data set; all 0 at first */
    int64_t *SO_NULLABLE used;   /* how many samples it has, or was asked to have; 0 at first */
    int64_t capacity;            /* in samples, < 2^32 - 1 */
} so_data_cache;

#define SO_DATA_MAX_FIELDS 16

/* What a sample consists of: an image, its label, ... In memory, sample i lies at
 * base + i * stride, dense and at any alignment; or in files, if there are any.
 *
 * A value that changes its dtype is converted to the nearest one, ties to even. What can be
 * converted: any dtype to SO_FLOAT32, SO_FLOAT64, SO_FLOAT16 or SO_BFLOAT16, and an integer to
 * SO_INT32 or SO_INT64 if that can hold all values of its dtype. SO_UINT8 that stays SO_UINT8
 * is copied, so any other element is that many bytes of it. */
typedef struct so_data_field {
    so_dtype dtype;     /* not one of the 8-bit blocks */
    so_dtype out_dtype; /* of the batch */
    int32_t divides_by_255; /* 1: SO_UINT8 that becomes floating point is divided by 255 */
    int32_t is_batch;   /* 1: the memory has the samples of the batch that is filled, in the
                         * batch's order, rather than those of the data set */
    int64_t count;      /* elements of a sample, >= 1 */
    int64_t out_count;  /* of a row of the batch: `count`, unless augmentations (field 0) change
                         * the shape or `classes` (field 1) is set */
    const void *SO_NULLABLE base;
    int64_t stride;
    const so_data_file *SO_NULLABLE files;
    int64_t file_count;
    so_data_cache cache; /* of files only */
    /* Samples of different lengths: sample i has the items offsets[i] ..< offsets[i + 1] of
     * the `item_count` in memory, each of `count` elements, dense. A row of the batch has as
     * many items as the longest of the batch's samples; the rest of a shorter one is `pad`. An
     * output has room for `item_room` items, all rows together. NULL: each sample is one item. */
    const int64_t *SO_NULLABLE offsets; /* sample_count + 1 numbers that don't decrease */
    int64_t item_count;
    int64_t item_room;
    double pad;
} so_data_field;

/* ----------------------------------------------------------- augmentations */

/* An augmentation program is a sequence of numbers: for each augmentation its number, then
 * its settings as so_augmentation_describe lists them, one number each, or one per channel.
 * After the settings of a choice (kind SO_AUGMENTATION_CHOICE), the last of which is a count,
 * come that many augmentations that it chooses from; none of them may be a choice, mix, or
 * change the size of the image. An augmentation that mixes comes last.
 *
 * They apply in this order. Pixels are float32 numbers on the way: bytes are divided by 255
 * first, unless the image stays one of bytes, which geometric augmentations can do. Geometric
 * augmentations that follow one another move places, not pixels, and the image is read once,
 * as if it lay on an endless plane of their `fill`; where two of them have different fills, it
 * is read in between. If every place that is read is a pixel's centre (crops and flips), pixels
 * are copied; else they are blended from the nearest four (bilinear).
 *
 * Random numbers: the augmentation with number n of the program (from 0, those of choices
 * included) uses the purpose 16 + n; docs/augmentation.md says what each draw is. */
enum {
    SO_AUGMENTATION_GEOMETRIC = 0, /* where pixels come from */
    SO_AUGMENTATION_PIXEL = 1,     /* what their values become */
    SO_AUGMENTATION_CHOICE = 2,    /* some of a list of others */
    SO_AUGMENTATION_MIXING = 3,    /* pairs of images of a batch, and their labels */
};

#define SO_AUGMENTATION_MAX_SETTINGS 16
#define SO_AUGMENTATION_MAX_CHANNELS 16 /* of an image; its sides are at most 32768 */
#define SO_AUGMENTATION_MAX_COUNT 4096  /* in a program */

/* Values are in minimum ... maximum; one that minimum_is_open are greater than it. */
typedef struct so_augmentation_setting {
    const char *SO_NULLABLE name;
    double minimum, maximum;
    int32_t minimum_is_open;
    int32_t is_whole;    /* 1: a whole number */
    int32_t per_channel; /* 1: as many numbers as the image has channels */
    int32_t reserved;
} so_augmentation_setting;

typedef struct so_augmentation_description {
    const char *SO_NULLABLE name; /* "random_crop" */
    int32_t kind;
    int32_t setting_count;
    so_augmentation_setting settings[SO_AUGMENTATION_MAX_SETTINGS];
} so_augmentation_description;

int32_t so_augmentation_count(void);
so_status so_augmentation_describe(int32_t augmentation,
                                   so_augmentation_description *SO_NONNULL out);

/* Images that are to be augmented, all at once: dense arrays of `count` images. */
typedef struct so_augment_call {
    const double *SO_NULLABLE program;
    int64_t program_length;
    int64_t count, height, width, channels;
    const void *SO_NULLABLE images;
    void *SO_NULLABLE out; /* of the size that so_augment_plan tells; shares no memory */
    so_dtype dtype;        /* of the images: SO_UINT8, SO_FLOAT32, SO_FLOAT64, SO_FLOAT16 or
                            * SO_BFLOAT16 */
    so_dtype out_dtype;    /* SO_UINT8 (of bytes), SO_FLOAT32, SO_FLOAT64 or SO_BFLOAT16 */
    uint64_t seed;
    uint64_t epoch;
    /* The number of each image, 0 <= number < 2^48, which its random numbers belong to.
     * NULL: 0, 1, 2, ... */
    const int64_t *SO_NULLABLE numbers;
    /* One row of `classes` numbers per image, which are mixed as the images are: image i is
     * mixed with image count - 1 - i. NULL unless the program mixes. */
    float *SO_NULLABLE labels;
    int64_t classes;
    void *SO_NULLABLE workspace; /* any content, aligned to 64 */
    int64_t workspace_size;
} so_augment_call;

typedef struct so_augment_result {
    int64_t height, width; /* of the images that come out */
    int64_t workspace_size;
    int32_t mixes; /* 1: the program ends with an augmentation that mixes */
    int32_t reserved;
} so_augment_result;

/* Checks program, sizes and dtypes, and tells what comes out. */
so_status so_augment_plan(const so_augment_call *SO_NONNULL call,
                          so_augment_result *SO_NONNULL result);
/* Checks all of it, and augments the images on several threads where that pays. */
so_status so_augment(const so_augment_call *SO_NONNULL call);

/* ------------------------------------------------------------------- plans */

typedef struct so_data_plan {
    so_sampler sampler;
    int64_t batch_size;
    int32_t drop_last;   /* 1: no batch that has fewer samples */
    int32_t skip_errors; /* 1: a sample that can't be read is left out of its batch */
    /* Batches of different sizes: batch b has the positions batch_starts[b] ..<
     * batch_starts[b + 1] of all ranks', none more than batch_size; rank r of a world of w has
     * the batches r, r + w, ... NULL: by batch_size. */
    const int64_t *SO_NULLABLE batch_starts;
    int64_t batch_count; /* batch_starts has one number more */
    int32_t field_count; /* 1 ... SO_DATA_MAX_FIELDS */
    int32_t keys_by_position; /* 1: the random numbers of an augmentation belong to a position of
                               * the epoch, not to a sample, which may come again in it */
    /* Augmentations of field 0, as numbers; none: NULL and 0. */
    const double *SO_NULLABLE augment;
    int64_t augment_length;
    int64_t height, width, channels; /* of its images, then; their product is its count */
    int64_t classes; /* 0, or field 1's integers become float32 rows that have so many, all 0
                      * but for a 1 at the integer; mixing augmentations mix them too */
    so_data_field fields[SO_DATA_MAX_FIELDS];
} so_data_plan;

/* What became of a batch. */
typedef struct so_batch_report {
    int64_t samples;    /* in the batch: fewer than planned if some were left out */
    int64_t bytes_read; /* from files */
    int64_t cache_hits, cache_misses; /* samples found or not found there */
    int64_t read_errors;              /* samples that were left out */
    int64_t longest[SO_DATA_MAX_FIELDS]; /* items per row of a field with offsets */
    /* The first of the batch's rows that isn't what it should be, and why. */
    int32_t fault; /* one of the SO_FAULT_... */
    int32_t fault_field;
    int64_t fault_row;    /* in the batch, as planned */
    int64_t fault_value;  /* the sample's number, or what was out of range */
    int64_t fault_offset; /* SO_FAULT_READ: where in the file, in bytes */
    int32_t fault_file;   /* SO_FAULT_READ: its index in the field's `files` */
    int32_t fault_errno;  /* SO_FAULT_READ: 0 if the file ended too soon */
} so_batch_report;

enum {
    SO_FAULT_NONE = 0,
    SO_FAULT_READ = 1,    /* a sample couldn't be read; it was left out if the plan says so */
    SO_FAULT_INDEX = 2,   /* `listed` or `alias` has an index that is out of range */
    SO_FAULT_CLASS = 3,   /* a label isn't in 0 ..< classes */
    SO_FAULT_OFFSETS = 4, /* the offsets of a sample decrease, or are out of range, or the batch
                           * has more items than item_room */
    SO_FAULT_PLAN = 5,    /* batch_starts or augment is no longer what it was when checked */
};

/* Checks the plan, and tells how many batches an epoch has for this rank. */
so_status so_batch_count(const so_data_plan *SO_NONNULL plan, int64_t *SO_NONNULL count);
/* Bytes of workspace that so_batch_fill needs. */
so_status so_batch_workspace_size(const so_data_plan *SO_NONNULL plan, int64_t *SO_NONNULL size);
/* Fills one batch on the calling thread: outputs[f] has room for batch_size rows of field f,
 * one after the other, and is aligned to the size of an element. The workspace has any content
 * and is aligned to 64. SO_READ_FAILED and SO_INVALID_VALUE come with the fault in the report,
 * if it is one; the outputs may have been written then. */
so_status so_batch_fill(const so_data_plan *SO_NONNULL plan, uint64_t epoch, int64_t batch,
                        void *SO_NULLABLE const *SO_NONNULL outputs,
                        void *SO_NULLABLE workspace, int64_t workspace_size,
                        so_batch_report *SO_NONNULL report);

/* ------------------------------------------------------------------ feeders */

typedef struct so_feeder so_feeder;
#define SO_FEEDER_MAX_THREADS 64
#define SO_FEEDER_MAX_SLOTS 1024

/* Starts `threads` threads that fill the batches of an epoch from `first_batch` on, in order,
 * into a ring of `slot_count` >= 2 slots: outputs[s * field_count + f] has room for batch_size
 * rows of field f in slot s. They sleep while all slots are full. The caller keeps everything
 * that plan and outputs point to until so_feeder_close, the two themselves needn't last. The
 * threads block all signals. */
so_status so_feeder_open(const so_data_plan *SO_NONNULL plan, uint64_t epoch, int64_t first_batch,
                         void *SO_NULLABLE const *SO_NONNULL outputs, int32_t slot_count,
                         int32_t threads, so_feeder *SO_NULLABLE *SO_NONNULL feeder);

enum {
    SO_FEEDER_END = -1,     /* there is no batch after the last one */
    SO_FEEDER_TIMEOUT = -2, /* the next batch isn't complete yet */
};
/* Waits up to `milliseconds` for the next batch and tells its slot, which stays as it is
 * until the next call. One thread at a time may call it; unless `milliseconds` is 0, it fills
 * parts of batches while it waits, if all samples are in memory.
 * SO_READ_FAILED, SO_INVALID_VALUE: this batch has the fault that the report tells, and none
 * will come after it.
 * SO_UNSUPPORTED: this process is a fork of the one that has the feeder's threads. */
so_status so_feeder_next(so_feeder *SO_NONNULL feeder, int32_t milliseconds,
                         int64_t *SO_NONNULL slot, so_batch_report *SO_NONNULL report);
/* Stops the threads, within a millisecond or the time that one read takes, waits for them and
 * frees the feeder. NULL is fine. In a fork of the process it only forgets them. */
void so_feeder_close(so_feeder *SO_NULLABLE feeder);

#endif /* SWIFTOPT_DATA_H */
