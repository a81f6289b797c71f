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

/* The names of the library's numbers, in Python. */
static const char *const decays[] = {
    [SO_DECAY_COUPLED] = "coupled",
    [SO_DECAY_DECOUPLED] = "decoupled",
    [SO_DECAY_INDEPENDENT] = "independent",
    [SO_DECAY_OWN] = "own",
};
static const char *const kinds[] = {
    [SO_ELEMENTWISE] = "elementwise",
    [SO_TRUST_STEP] = "trust_step",
    [SO_TRUST_GRADIENT] = "trust_gradient",
    [SO_FACTORED] = "factored",
    [SO_MATRIX] = "matrix",
};
static const char *const contents[] = {
    [SO_SLOT_SIGNED] = "signed",
    [SO_SLOT_NONNEGATIVE] = "nonnegative",
    [SO_SLOT_EXACT] = "exact",
};
static const char *const forms[] = {
    [SO_SLOT_FULL] = "full",
    [SO_SLOT_ROW] = "row",
    [SO_SLOT_COLUMN] = "column",
};
static const char *const owners[] = {
    [SO_SLOT_OF_ALL] = "all",
    [SO_SLOT_OF_MATRICES] = "matrices",
    [SO_SLOT_OF_OTHERS] = "others",
};

static PyObject *slot_list(const so_description *description) {
    PyObject *list = PyList_New(0);
    for (int index = 0; list != NULL && index < description->slot_count; index++) {
        const so_slot *slot = &description->slots[index];
        PyObject *item = Py_BuildValue(
            "(siisssO)", slot->name, (int)slot->required_by, (int)slot->initial_value,
            contents[slot->content], forms[slot->form], owners[slot->owner],
            slot->starts_as_parameter ? Py_True : Py_False);
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
        "{s:s,s:d,s:d,s:s,s:s,s:N,s:N,s:N}", "name", description.name, "lr", description.default_lr,
        "weight_decay", description.default_weight_decay, "decay",
        decays[description.decay], "kind", kinds[description.kind], "hyperparameters",
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
