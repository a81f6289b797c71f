/* feeder.c - swiftopt._core.Feeder: batches that native threads fill ahead.
 *
 * Waiting lets other Python threads run, and looks every 50 ms whether a signal came: the
 * threads themselves block signals, and need no interpreter. */
#include "data.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    PyObject_HEAD
    data_plan_object *plan;
    so_feeder *feeder; /* NULL: closed */
    Py_buffer *views;
    Py_ssize_t view_count;
    atomic_int is_busy;
} feeder_object;

enum { WAIT_MILLISECONDS = 50 };

static int begin_call(feeder_object *self) {
    int expected = 0;
    if (atomic_compare_exchange_strong(&self->is_busy, &expected, 1)) return 0;
    PyErr_SetString(PyExc_RuntimeError, "the feeder is being used by another thread");
    return -1;
}

static void end_call(feeder_object *self) { atomic_store(&self->is_busy, 0); }

static PyObject *feeder_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"plan", "epoch", "first_batch", "outputs", "threads", NULL};
    PyObject *plan, *outputs;
    unsigned long long epoch;
    long long first_batch;
    int threads;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OKLO!i:Feeder", names, &plan, &epoch,
                                     &first_batch, &PyList_Type, &outputs, &threads)) {
        return NULL;
    }
    PyObject *module = PyType_GetModule(type);
    PyObject *plan_type =
        module != NULL ? PyObject_GetAttrString(module, "DataPlan") : NULL;
    int is_plan = plan_type != NULL ? PyObject_IsInstance(plan, plan_type) : -1;
    Py_XDECREF(plan_type);
    if (is_plan < 0) return NULL;
    if (!is_plan) {
        PyErr_SetString(PyExc_TypeError, "plan must be a DataPlan");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    feeder_object *self = (feeder_object *)allocate(type, 0); /* zeroed */
    if (self == NULL) return NULL;
    self->plan = (data_plan_object *)Py_NewRef(plan);
    Py_ssize_t fields = self->plan->plan.field_count, slots = PyList_Size(outputs);
    if (slots > SO_FEEDER_MAX_SLOTS) slots = SO_FEEDER_MAX_SLOTS + 1; /* found by the check */
    void **addresses = PyMem_Calloc((size_t)(slots * fields + 1), sizeof *addresses);
    self->views = PyMem_Calloc((size_t)(slots * fields + 1), sizeof *self->views);
    int is_held = addresses != NULL && self->views != NULL;
    if (!is_held) PyErr_NoMemory();
    for (Py_ssize_t slot = 0; is_held && slot < slots; slot++) {
        PyObject *arrays = PyList_GetItem(outputs, slot);
        is_held = arrays != NULL && hold_outputs(self->plan, arrays, addresses + slot * fields,
                                                 self->views, &self->view_count) == 0;
    }
    if (is_held) {
        so_status status = so_feeder_open(&self->plan->plan, epoch, first_batch, addresses,
                                          (int32_t)slots, threads, &self->feeder);
        if (status != SO_OK) {
            raise_status(status, NULL);
            is_held = 0;
        }
    }
    PyMem_Free(addresses);
    if (is_held) return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Waits for the next batch; -1 with an exception, which may be a signal's. */
static int wait_for_batch(feeder_object *self, int64_t *slot, so_batch_report *report,
                          so_status *status, double *waited) {
    *waited = 0;
    /* Most batches are ready: then nobody else needs to run. */
    *status = so_feeder_next(self->feeder, 0, slot, report);
    if (*status != SO_OK || *slot != SO_FEEDER_TIMEOUT) return 0;
    double start = now();
    while (*status == SO_OK && *slot == SO_FEEDER_TIMEOUT) {
        Py_BEGIN_ALLOW_THREADS
        *status = so_feeder_next(self->feeder, WAIT_MILLISECONDS, slot, report);
        Py_END_ALLOW_THREADS
        if (*status == SO_OK && *slot == SO_FEEDER_TIMEOUT && PyErr_CheckSignals() < 0) return -1;
    }
    *waited = now() - start;
    return 0;
}

static PyObject *feeder_next(PyObject *object, PyObject *Py_UNUSED(unused)) {
    feeder_object *self = (feeder_object *)object;
    if (begin_call(self) < 0) return NULL;
    PyObject *result = NULL;
    int64_t slot;
    so_batch_report report;
    so_status status;
    double waited;
    if (self->feeder == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the feeder is closed");
    } else if (wait_for_batch(self, &slot, &report, &status, &waited) == 0) {
        if (status == SO_OK && slot == SO_FEEDER_END) {
            result = Py_NewRef(Py_None);
        } else if (status == SO_OK || status == SO_READ_FAILED) {
            if (status != SO_OK) slot = -1;
            PyObject *tuple = report_tuple(&self->plan->plan, &report);
            if (tuple != NULL) result = Py_BuildValue("(LNd)", (long long)slot, tuple, waited);
        } else {
            raise_status(status, NULL);
        }
    }
    end_call(self);
    return result;
}

static void stop(feeder_object *self) {
    so_feeder *feeder = self->feeder;
    self->feeder = NULL;
    if (feeder != NULL) {
        Py_BEGIN_ALLOW_THREADS
        so_feeder_close(feeder);
        Py_END_ALLOW_THREADS
    }
    Py_ssize_t count = self->view_count;
    self->view_count = 0;
    release_views(self->views, count);
}

static PyObject *feeder_close(PyObject *object, PyObject *Py_UNUSED(unused)) {
    feeder_object *self = (feeder_object *)object;
    if (begin_call(self) < 0) return NULL;
    stop(self);
    end_call(self);
    return Py_NewRef(Py_None);
}

static int feeder_traverse(PyObject *object, visitproc visit, void *arg) {
    feeder_object *self = (feeder_object *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->plan);
    for (Py_ssize_t index = 0; index < self->view_count; index++) {
        Py_VISIT(self->views[index].obj);
    }
    return 0;
}

static void feeder_dealloc(PyObject *object) {
    feeder_object *self = (feeder_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    stop(self);
    PyMem_Free(self->views);
    Py_XDECREF((PyObject *)self->plan);
    freefunc deallocate = (freefunc)PyType_GetSlot(type, Py_tp_free);
    deallocate(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(feeder_doc,
"Feeder(plan, epoch, first_batch, outputs, threads)\n--\n\n"
"Threads that fill the batches of an epoch from first_batch on, in order. outputs: a list of\n"
"slots, at least two, each a tuple of arrays as DataPlan.fill takes it.");

PyDoc_STRVAR(next_doc,
"next($self, /)\n--\n\n"
"Wait for the next batch. Returns (slot, report, seconds waited) with the report of\n"
"DataPlan.fill, or None after the last one. The slot stays as it is until the next call that\n"
"returns one. It is -1 if the batch couldn't be read, as the report's fault tells; no other\n"
"comes then. Raises RuntimeError in a fork of the process.");

PyDoc_STRVAR(close_doc,
"close($self, /)\n--\n\n"
"Stop the threads and give the arrays back; closing again does nothing.");

static PyMethodDef feeder_methods[] = {
    {"next", feeder_next, METH_NOARGS, next_doc},
    {"close", feeder_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot feeder_slots[] = {
    {Py_tp_doc, (void *)feeder_doc},
    {Py_tp_new, feeder_new},
    {Py_tp_dealloc, feeder_dealloc},
    {Py_tp_traverse, feeder_traverse},
    {Py_tp_methods, feeder_methods},
    {0, NULL},
};

PyType_Spec feeder_spec = {
    .name = "swiftopt._core.Feeder",
    .basicsize = sizeof(feeder_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = feeder_slots,
};
