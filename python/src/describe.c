/* describe.c - the optimizers that the library has, as Python data. */
#include "core.h"

#include <string.h>

int find_optimizer(const char *name, int32_t *index, so_description *out) {
    const int32_t count = so_optimizer_count();
    for (*index = 0; *index < count; ++*index) {
        so_status status = so_optimizer_describe(*index, out);
        if (status != SO_OK) {
            raise_status(status, NULL);
            return -1;
        }
        if (strcmp(out->name, name) == 0) return 0;
    }
    PyErr_Format(PyExc_ValueError, "there is no optimizer called '%s'", name);
    return -1;
}

/* Puts a new reference, or NULL with an exception, into the list. */
static int append(PyObject *list, PyObject *item) {
    if (item == NULL) return -1;
    int result = PyList_Append(list, item);
    Py_DECREF(item);
    return result;
}

static PyObject *hyperparameter_list(const so_description *description) {
    PyObject *list = PyList_New(0);
    for (int index = 0; list != NULL && index < description->hyperparameter_count; index++) {
        const so_hyperparameter *entry = &description->hyperparameters[index];
        PyObject *item = Py_BuildValue(
            "(sdddOO)", entry->name, entry->default_value, entry->minimum, entry->maximum,
            entry->maximum_is_open ? Py_True : Py_False, entry->is_flag ? Py_True : Py_False);
        if (append(list, item) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *slot_list(const so_description *description) {
    PyObject *list = PyList_New(0);
    for (int index = 0; list != NULL && index < description->slot_count; index++) {
        const so_slot *slot = &description->slots[index];
        PyObject *item =
            Py_BuildValue("(sii)", slot->name, (int)slot->required_by, (int)slot->initial_value);
        if (append(list, item) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *scalar_list(const so_description *description) {
    PyObject *list = PyList_New(0);
    for (int index = 0; list != NULL && index < description->scalar_count; index++) {
        const so_scalar *scalar = &description->scalars[index];
        if (append(list, Py_BuildValue("(sd)", scalar->name, scalar->initial_value)) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *describe(int32_t index) {
    so_description description;
    so_status status = so_optimizer_describe(index, &description);
    if (status != SO_OK) {
        raise_status(status, NULL);
        return NULL;
    }
    /* N hands a reference over; Py_BuildValue passes on the failure of a NULL. */
    return Py_BuildValue(
        "{s:s,s:d,s:d,s:s,s:N,s:N,s:N}", "name", description.name, "lr", description.default_lr,
        "weight_decay", description.default_weight_decay, "decay",
        description.decay == SO_DECAY_COUPLED ? "coupled" : "decoupled", "hyperparameters",
        hyperparameter_list(&description), "slots", slot_list(&description), "scalars",
        scalar_list(&description));
}

PyObject *core_optimizer_descriptions(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused)) {
    PyObject *list = PyList_New(0);
    const int32_t count = so_optimizer_count();
    for (int32_t index = 0; list != NULL && index < count; index++) {
        if (append(list, describe(index)) < 0) Py_CLEAR(list);
    }
    return list;
}
