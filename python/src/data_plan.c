/* data_plan.c - swiftopt._core.DataPlan: a plan of batches, and filling one of them. */
#include "data.h"

#include <stdlib.h>
#include <string.h>

enum { FIELD_VIEWS = 5 }; /* of one field: samples or three of a cache, and offsets */

/* ------------------------------------------------------------------- fields */

/* Samples in memory: the first axis may have any stride, the others are dense. */
static int read_memory(data_plan_object *self, PyObject *object, int index,
                       Py_ssize_t samples, Py_ssize_t sample_bytes) {
    so_data_field *field = &self->plan.fields[index];
    Py_buffer *view = &self->views[self->view_count];
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES) < 0) return -1;
    self->view_count++;
    if (view->ndim < 1 || view->shape[0] != samples) {
        PyErr_Format(PyExc_ValueError, "field %d must have %zd samples", index, samples);
        return -1;
    }
    Py_ssize_t bytes = view->itemsize;
    for (int axis = view->ndim - 1; axis > 0; axis--) {
        if (view->shape[axis] != 1 && view->strides[axis] != bytes) {
            PyErr_Format(PyExc_ValueError, "the samples of field %d are not contiguous", index);
            return -1;
        }
        bytes *= view->shape[axis];
    }
    if (bytes != sample_bytes) {
        PyErr_Format(PyExc_ValueError, "a sample of field %d has %zd bytes; it must have %zd",
                     index, bytes, sample_bytes);
        return -1;
    }
    field->base = view->buf;
    field->stride = view->shape[0] == 1 ? bytes : view->strides[0];
    return 0;
}

static int read_files(data_plan_object *self, PyObject *list, int index) {
    so_data_field *field = &self->plan.fields[index];
    Py_ssize_t count = PyList_Size(list);
    so_data_file *files = PyMem_Calloc(count > 0 ? (size_t)count : 1, sizeof *files);
    if (files == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->files[index] = files;
    long long first = 0;
    for (Py_ssize_t number = 0; number < count; number++) {
        PyObject *entry = PyList_GetItem(list, number);
        int descriptor;
        long long offset, samples;
        if (entry == NULL || !PyTuple_Check(entry)) {
            PyErr_SetString(PyExc_TypeError, "a file must be a tuple");
            return -1;
        }
        if (!PyArg_ParseTuple(entry, "iLL:file", &descriptor, &offset, &samples)) return -1;
        files[number] = (so_data_file){
            .descriptor = descriptor, .offset = offset, .first = first, .count = samples};
        if (__builtin_add_overflow(first, samples, &first)) first = -1; /* found by the check */
    }
    field->files = files;
    field->file_count = count;
    return 0;
}

static int read_cache(data_plan_object *self, PyObject *cache, int index, Py_ssize_t samples,
                      Py_ssize_t sample_bytes) {
    so_data_field *field = &self->plan.fields[index];
    PyObject *memory, *slots, *used;
    if (cache == Py_None) return 0;
    if (!PyArg_ParseTuple(cache, "OOO:cache", &memory, &slots, &used)) return -1;
    Py_buffer *view = hold_buffer(memory, "cache", 1, -1, 1, self->views, &self->view_count);
    if (view == NULL) return -1;
    field->cache.samples = view->buf;
    field->cache.capacity = view->len / sample_bytes;
    view = hold_buffer(slots, "cache slots", 4, samples, 1, self->views, &self->view_count);
    if (view == NULL) return -1;
    field->cache.slots = view->buf;
    view = hold_buffer(used, "cache used", 8, 1, 1, self->views, &self->view_count);
    if (view == NULL) return -1;
    field->cache.used = view->buf;
    return 0;
}

/* Bytes of an element; 0 if a field can't have this dtype. */
static Py_ssize_t element_bytes(int dtype) {
    switch (dtype) {
    case SO_UINT8: case SO_INT8: return 1;
    case SO_INT16: case SO_UINT16: case SO_FLOAT16: case SO_BFLOAT16: return 2;
    case SO_INT32: case SO_UINT32: case SO_FLOAT32: return 4;
    case SO_INT64: case SO_UINT64: case SO_FLOAT64: return 8;
    default: return 0;
    }
}

static int read_field(data_plan_object *self, PyObject *tuple, int index) {
    so_data_field *field = &self->plan.fields[index];
    PyObject *source, *cache, *offsets;
    int dtype, out_dtype, divides, is_batch;
    long long count, out_count, room;
    double pad;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "a field must be a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(tuple, "OiippLLOOdL:field", &source, &dtype, &out_dtype, &divides,
                          &is_batch, &count, &out_count, &cache, &offsets, &pad, &room)) {
        return -1;
    }
    Py_ssize_t size = element_bytes(dtype), samples = self->plan.sampler.sample_count, bytes;
    if (size == 0 || count < 1 || __builtin_mul_overflow((Py_ssize_t)count, size, &bytes)) {
        PyErr_Format(PyExc_ValueError, "field %d has dtype %d and %lld elements per sample",
                     index, dtype, count);
        return -1;
    }
    field->dtype = dtype;
    field->out_dtype = out_dtype;
    field->divides_by_255 = divides;
    field->is_batch = is_batch;
    field->count = count;
    field->out_count = out_count;
    field->pad = pad;
    field->item_room = room;
    if (PyList_Check(source)) {
        return read_files(self, source, index) < 0
                   ? -1
                   : read_cache(self, cache, index, samples, bytes);
    }
    if (offsets == Py_None) {
        return read_memory(self, source, index, is_batch ? self->plan.batch_size : samples, bytes);
    }
    Py_buffer *view = hold_buffer(source, "values", 0, -1, 0, self->views, &self->view_count);
    if (view == NULL) return -1;
    field->base = view->buf;
    field->item_count = view->len / bytes;
    view = hold_buffer(offsets, "offsets", 8, samples + 1, 0, self->views, &self->view_count);
    if (view == NULL) return -1;
    field->offsets = view->buf;
    return 0;
}

static int read_fields(data_plan_object *self, PyObject *list) {
    Py_ssize_t count = PyList_Size(list);
    if (count < 1 || count > SO_DATA_MAX_FIELDS) {
        PyErr_Format(PyExc_ValueError, "there are %zd fields; there must be 1 ... %d", count,
                     SO_DATA_MAX_FIELDS);
        return -1;
    }
    self->plan.field_count = (int32_t)count;
    for (int index = 0; index < count; index++) {
        PyObject *field = PyList_GetItem(list, index);
        if (field == NULL || read_field(self, field, index) < 0) return -1;
    }
    return 0;
}

/* --------------------------------------------------------------- the object */

static int read_order(data_plan_object *self, PyObject *sampler, PyObject *starts) {
    so_data_plan *plan = &self->plan;
    if (read_sampler(sampler, &plan->sampler, self->views, &self->view_count) < 0) return -1;
    if (starts == Py_None) return 0;
    Py_buffer *view = hold_buffer(starts, "batch_starts", 8, -1, 0, self->views, &self->view_count);
    if (view == NULL) return -1;
    plan->batch_starts = view->buf;
    plan->batch_count = view->len / 8 - 1;
    return 0;
}

static int read_augment(data_plan_object *self, PyObject *numbers) {
    if (numbers == Py_None) return 0;
    Py_buffer *view = hold_buffer(numbers, "augment", 0, -1, 0, self->views, &self->view_count);
    if (view == NULL) return -1;
    self->plan.augment = view->buf;
    self->plan.augment_length = view->len / 8;
    return 0;
}

static PyObject *data_plan_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"fields", "sampler", "batch_size", "drop_last", "skip_errors",
                            "batch_starts", "keys_by_position", "augment", "image", "classes",
                            NULL};
    PyObject *fields, *sampler, *starts = Py_None, *augment = Py_None;
    long long batch_size, height = 0, width = 0, channels = 0, classes = 0;
    int drop_last = 0, skip_errors = 0, keys_by_position = 0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!O!L|ppOpO(LLL)L:DataPlan", names,
                                     &PyList_Type, &fields, &PyTuple_Type, &sampler, &batch_size,
                                     &drop_last, &skip_errors, &starts, &keys_by_position,
                                     &augment, &height, &width, &channels, &classes)) {
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    data_plan_object *self = (data_plan_object *)allocate(type, 0); /* zeroed */
    if (self == NULL) return NULL;
    Py_ssize_t places = FIELD_VIEWS * PyList_Size(fields) + 4;
    self->views = PyMem_Calloc((size_t)places, sizeof *self->views);
    so_data_plan *plan = &self->plan;
    plan->batch_size = batch_size;
    plan->drop_last = drop_last;
    plan->skip_errors = skip_errors;
    plan->keys_by_position = keys_by_position;
    plan->height = height;
    plan->width = width;
    plan->channels = channels;
    plan->classes = classes;
    int is_read = 0;
    if (self->views == NULL) {
        PyErr_NoMemory();
    } else {
        is_read = read_order(self, sampler, starts) == 0 && read_augment(self, augment) == 0 &&
                  read_fields(self, fields) == 0;
    }
    if (is_read) {
        so_status status = so_batch_count(plan, &self->batch_count);
        if (status != SO_OK) {
            raise_status(status, NULL);
            is_read = 0;
        }
    }
    if (is_read) return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

int hold_outputs(const data_plan_object *plan, PyObject *arrays, void **outputs, Py_buffer *views,
                 Py_ssize_t *count) {
    int32_t fields = plan->plan.field_count;
    if (!PyTuple_Check(arrays) || PyTuple_Size(arrays) != fields) {
        PyErr_Format(PyExc_TypeError, "outputs must be a tuple of %d arrays", (int)fields);
        return -1;
    }
    for (int32_t index = 0; index < fields; index++) {
        const so_data_field *field = &plan->plan.fields[index];
        Py_buffer *view = hold_buffer(PyTuple_GetItem(arrays, index), "an output", 0, -1, 1, views,
                                      count);
        if (view == NULL) return -1;
        /* Checked with the plan: it doesn't overflow. */
        int64_t rows = field->offsets != NULL ? field->item_room : plan->plan.batch_size;
        if (view->len < field->out_count * element_bytes(field->out_dtype) * rows) {
            PyErr_Format(PyExc_ValueError, "output %d is too small", (int)index);
            return -1;
        }
        outputs[index] = view->buf;
    }
    return 0;
}

PyObject *report_tuple(const so_data_plan *plan, const so_batch_report *report) {
    PyObject *fault = NULL;
    if (report->fault == SO_FAULT_READ) {
        fault = Py_BuildValue("(iLLiLi)", (int)report->fault_field, (long long)report->fault_row,
                              (long long)report->fault_value, (int)report->fault_file,
                              (long long)report->fault_offset, (int)report->fault_errno);
    } else {
        fault = Py_NewRef(Py_None);
    }
    PyObject *longest = PyTuple_New(plan->field_count);
    for (int32_t field = 0; longest != NULL && field < plan->field_count; field++) {
        PyObject *number = PyLong_FromLongLong(report->longest[field]);
        if (number == NULL || PyTuple_SetItem(longest, field, number) < 0) Py_CLEAR(longest);
    }
    if (fault == NULL || longest == NULL) {
        Py_XDECREF(fault);
        Py_XDECREF(longest);
        return NULL;
    }
    return Py_BuildValue("(LLLLLNN)", (long long)report->samples, (long long)report->bytes_read,
                         (long long)report->cache_hits, (long long)report->cache_misses,
                         (long long)report->read_errors, longest, fault);
}

static PyObject *data_plan_fill(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    data_plan_object *self = (data_plan_object *)object;
    if (check_argument_count("fill", count, 3) < 0) return NULL;
    const array_label label = {"epoch", NULL};
    uint64_t epoch;
    int64_t size;
    if (read_uint64(arguments[0], &label, &epoch) < 0) return NULL;
    long long batch = PyLong_AsLongLong(arguments[1]);
    if (batch == -1 && PyErr_Occurred()) return NULL;
    so_status status = so_batch_workspace_size(&self->plan, &size);
    if (status != SO_OK) {
        raise_status(status, NULL);
        return NULL;
    }
    void *outputs[SO_DATA_MAX_FIELDS] = {0}, *workspace = NULL;
    Py_buffer views[SO_DATA_MAX_FIELDS];
    Py_ssize_t held = 0;
    so_batch_report report;
    PyObject *result = NULL;
    if (hold_outputs(self, arguments[2], outputs, views, &held) == 0) {
        if (posix_memalign(&workspace, 64, size > 0 ? (size_t)size : 64) != 0) {
            PyErr_NoMemory();
        } else {
            Py_BEGIN_ALLOW_THREADS
            status = so_batch_fill(&self->plan, epoch, batch, outputs, workspace, size, &report);
            free(workspace);
            Py_END_ALLOW_THREADS
            if (status == SO_OK || status == SO_READ_FAILED) {
                result = report_tuple(&self->plan, &report);
            } else {
                raise_status(status, NULL);
            }
        }
    }
    release_views(views, held);
    return result;
}

static PyObject *data_plan_batch_count(PyObject *object, void *Py_UNUSED(closure)) {
    return PyLong_FromLongLong(((data_plan_object *)object)->batch_count);
}

static int data_plan_traverse(PyObject *object, visitproc visit, void *arg) {
    data_plan_object *self = (data_plan_object *)object;
    Py_VISIT(Py_TYPE(object));
    for (Py_ssize_t index = 0; index < self->view_count; index++) {
        Py_VISIT(self->views[index].obj);
    }
    return 0;
}

/* There is no clear: a feeder's threads may be reading. Buffers are given back at the end. */
static void data_plan_dealloc(PyObject *object) {
    data_plan_object *self = (data_plan_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    release_views(self->views, self->view_count);
    PyMem_Free(self->views);
    for (int index = 0; index < SO_DATA_MAX_FIELDS; index++) PyMem_Free(self->files[index]);
    freefunc deallocate = (freefunc)PyType_GetSlot(type, Py_tp_free);
    deallocate(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(data_plan_doc,
"DataPlan(fields, sampler, batch_size, drop_last=False, skip_errors=False, batch_starts=None,\n"
"         keys_by_position=False, augment=None, image=(0, 0, 0), classes=0)\n--\n\n"
"A so_data_plan of swiftopt.h, whose words these are.\n"
"\n"
"fields: a list of tuples (source, dtype, out_dtype, divides_by_255, is_batch, count,\n"
"out_count, cache, offsets, pad, item_room). A source is an array whose first axis are the samples, or a\n"
"list of files (descriptor, offset, count); a cache is None or (memory, slots, used).\n"
"sampler: a tuple (kind, sample_count, length, rank, world, seed, first, second); first and\n"
"second are accept and alias, or listed and None, or None. The arrays are held as long as\n"
"this lives.");

PyDoc_STRVAR(fill_doc,
"fill($self, epoch, batch, outputs, /)\n--\n\n"
"Fill one batch: a tuple of arrays, one per field, each with room for batch_size rows.\n"
"Returns (samples, bytes_read, cache_hits, cache_misses, read_errors, longest, fault), where\n"
"fault is None or (field, row, sample, file, offset, errno) of what couldn't be read.");

static PyMethodDef data_plan_methods[] = {
    {"fill", (PyCFunction)(void (*)(void))data_plan_fill, METH_FASTCALL, fill_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef data_plan_getset[] = {
    {"batch_count", data_plan_batch_count, NULL, PyDoc_STR("Batches of an epoch."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot data_plan_slots[] = {
    {Py_tp_doc, (void *)data_plan_doc},
    {Py_tp_new, data_plan_new},
    {Py_tp_dealloc, data_plan_dealloc},
    {Py_tp_traverse, data_plan_traverse},
    {Py_tp_methods, data_plan_methods},
    {Py_tp_getset, data_plan_getset},
    {0, NULL},
};

PyType_Spec data_plan_spec = {
    .name = "swiftopt._core.DataPlan",
    .basicsize = sizeof(data_plan_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = data_plan_slots,
};
