/* tensors.c - the tensors of a plan, from the tuples that describe them.
 *
 * The library can't see how long an array is, so every length is checked here: what it
 * gets has the elements that swiftopt.h says. Which dtypes and which combinations a rule
 * takes is the library's to say, in so_plan_prepare.
 */
#include "core.h"

/* One tensor's tuple. Tuples don't change, so what was checked once stays true. */
enum {
    PARAMETER,
    SLOTS,
    GROUP,
    MASTER,
    COMPENSATION,
    AVERAGE,
    COPY,
    ACCUMULATOR,
    ROUNDS_STOCHASTICALLY,
    GEOMETRY, /* rows, columns, units */
    KEY,
    FIELDS
};

typedef struct {
    plan_object *plan;
    PyObject *fields;
    PyObject *name;
    so_tensor *tensor;
    const array_export *parameter;
} tensor_source;

static int check_tuple(PyObject *object, const char *role, PyObject *name, Py_ssize_t length) {
    if (PyTuple_Check(object) && PyTuple_Size(object) == length) return 0;
    PyErr_Format(PyExc_ValueError, "%s %R must be a tuple of length %zd", role, name, length);
    return -1;
}

Py_ssize_t count_arrays(const plan_object *self, PyObject *tensors) {
    const Py_ssize_t tensor_count = PyTuple_Size(tensors);
    const Py_ssize_t slot_count = self->description.slot_count;
    Py_ssize_t count = 0;
    for (Py_ssize_t index = 0; index < tensor_count; index++) {
        PyObject *name = PyTuple_GetItem(self->names, index);
        PyObject *fields = PyTuple_GetItem(tensors, index);
        if (check_tuple(fields, "the tensor of", name, FIELDS) < 0) return -1;
        PyObject *slots = PyTuple_GetItem(fields, SLOTS);
        if (check_tuple(slots, "slots of", name, slot_count) < 0 ||
            check_tuple(PyTuple_GetItem(fields, GEOMETRY), "rows, columns and units of", name, 3) <
                0) {
            return -1;
        }
        for (Py_ssize_t slot = 0; slot < slot_count; slot++) {
            PyObject *item = PyTuple_GetItem(slots, slot);
            if (PyTuple_Check(item)) {
                if (check_tuple(item, "codes and scales of", name, 2) < 0) return -1;
                count += 2;
            } else {
                count += item != Py_None;
            }
        }
        for (int field = MASTER; field <= ACCUMULATOR; field++) {
            count += PyTuple_GetItem(fields, field) != Py_None;
        }
    }
    return count;
}

/* Holds one more array. */
static const array_export *hold(const tensor_source *source, PyObject *object, dtype_set allowed,
                                const array_label *label) {
    plan_object *plan = source->plan;
    array_export *out = &plan->arrays[plan->array_count];
    if (export_array(plan->state, object, ARRAY_UPDATE, allowed, label, out) < 0) return NULL;
    plan->array_count++;
    return out;
}

/* Holds an array of the parameter's shape; *out stays NULL where there is none. */
static int hold_extra(const tensor_source *source, int field, const char *role,
                      dtype_set allowed, const array_export **out) {
    PyObject *object = PyTuple_GetItem(source->fields, field);
    const array_label label = {role, source->name};
    *out = NULL;
    if (object == Py_None) return 0;
    *out = hold(source, object, allowed, &label);
    return *out != NULL ? check_same_shape(*out, &label, source->parameter) : -1;
}

static int hold_extras(const tensor_source *source) {
    so_tensor *tensor = source->tensor;
    const array_export *master, *compensation, *average, *copy, *accumulator;
    const so_dtype own = tensor->parameter_dtype;
    const dtype_set computed = DTYPE(own == SO_FLOAT64 ? SO_FLOAT64 : SO_FLOAT32);
    if (hold_extra(source, MASTER, "master of", DTYPE(SO_FLOAT32), &master) < 0 ||
        hold_extra(source, COMPENSATION, "compensation of", DTYPE(own), &compensation) < 0 ||
        hold_extra(source, AVERAGE, "average of", computed, &average) < 0 ||
        hold_extra(source, COPY, "copy of", FLOAT_DTYPES & ~DTYPE(SO_FLOAT64), &copy) < 0 ||
        hold_extra(source, ACCUMULATOR, "accumulator of", computed, &accumulator) < 0) {
        return -1;
    }
    if (master != NULL) tensor->master = master->view.buf;
    if (compensation != NULL) tensor->compensation = compensation->view.buf;
    if (average != NULL) tensor->average = average->view.buf;
    if (accumulator != NULL) tensor->accumulator = accumulator->view.buf;
    if (copy != NULL) {
        tensor->copy = copy->view.buf;
        tensor->copy_dtype = copy->dtype;
    }
    return 0;
}

/* Holds the two arrays of a slot in 8 bits. */
static int hold_blocks(const tensor_source *source, PyObject *pair, const so_slot *slot,
                       int64_t count, so_array *out) {
    char codes_role[96], scales_role[96];
    PyOS_snprintf(codes_role, sizeof codes_role, "codes of state '%s' of", slot->name);
    PyOS_snprintf(scales_role, sizeof scales_role, "scales of state '%s' of", slot->name);
    const array_label codes_label = {codes_role, source->name};
    const array_label scales_label = {scales_role, source->name};
    const int64_t blocks = count / SO_BLOCK_ELEMENTS + (count % SO_BLOCK_ELEMENTS != 0);
    const array_export *codes =
        hold(source, PyTuple_GetItem(pair, 0), DTYPE(SO_BLOCK8), &codes_label);
    if (codes == NULL || check_element_count(codes, &codes_label, count) < 0) return -1;
    const array_export *scales =
        hold(source, PyTuple_GetItem(pair, 1), DTYPE(SO_FLOAT32), &scales_label);
    if (scales == NULL || check_element_count(scales, &scales_label, blocks) < 0) return -1;
    *out = (so_array){
        .data = codes->view.buf,
        .scales = scales->view.buf,
        .dtype = slot->content == SO_SLOT_NONNEGATIVE ? SO_BLOCK8_UNSIGNED : SO_BLOCK8,
    };
    return 0;
}

/* The elements of a slot of the tensor. */
static int64_t slot_elements(const so_tensor *tensor, const so_slot *slot) {
    if (slot->form == SO_SLOT_FULL) return tensor->count;
    if (tensor->rows == 0) return 0;
    return tensor->count / (slot->form == SO_SLOT_ROW ? tensor->columns : tensor->rows);
}

static int hold_slot(const tensor_source *source, PyObject *object, const so_slot *slot,
                     so_array *out) {
    const int64_t count = slot_elements(source->tensor, slot);
    if (object == Py_None) return 0;
    if (PyTuple_Check(object)) return hold_blocks(source, object, slot, count, out);
    char role[96];
    PyOS_snprintf(role, sizeof role, "state '%s' of", slot->name);
    const array_label label = {role, source->name};
    const array_export *array = hold(source, object, FLOAT_DTYPES, &label);
    if (array == NULL) return -1;
    *out = (so_array){.data = array->view.buf, .dtype = array->dtype};
    return slot->form == SO_SLOT_FULL ? check_same_shape(array, &label, source->parameter)
                                      : check_element_count(array, &label, count);
}

static int read_group(const tensor_source *source) {
    PyObject *object = PyTuple_GetItem(source->fields, GROUP);
    const int32_t group_count = source->plan->plan.group_count;
    int overflow;
    long index = PyLong_AsLongAndOverflow(object, &overflow);
    if (index == -1 && PyErr_Occurred()) return -1;
    if (overflow != 0 || index < 0 || index >= group_count) {
        PyErr_Format(PyExc_ValueError, "group of %R is %R; it must be in 0 ..< group_count, %d",
                     source->name, object, (int)group_count);
        return -1;
    }
    source->tensor->group = (int32_t)index;
    return 0;
}

/* The parameter must be there: its matrices are checked against its elements. */
static int read_geometry(const tensor_source *source) {
    static const char *const roles[] = {"rows of", "columns of", "units of"};
    PyObject *geometry = PyTuple_GetItem(source->fields, GEOMETRY);
    so_tensor *tensor = source->tensor;
    int64_t *const out[] = {&tensor->rows, &tensor->columns, &tensor->units};
    for (int index = 0; index < 3; index++) {
        uint64_t value;
        const array_label label = {roles[index], source->name};
        if (read_uint64(PyTuple_GetItem(geometry, index), &label, &value) < 0) return -1;
        if (value > INT64_MAX) value = INT64_MAX; /* more than there can be elements */
        *out[index] = (int64_t)value;
    }
    const int64_t rows = tensor->rows, columns = tensor->columns;
    if (rows == 0 && columns == 0) return 0;
    if (rows != 0 && columns != 0 && tensor->count % rows == 0 &&
        tensor->count / rows % columns == 0) {
        return 0;
    }
    PyErr_Format(PyExc_ValueError,
                 "%R has %lld elements, which are no whole number of matrices of %lld rows and "
                 "%lld columns",
                 source->name, (long long)tensor->count, (long long)rows, (long long)columns);
    return -1;
}

int hold_tensor(plan_object *self, PyObject *fields, Py_ssize_t index) {
    array_export *parameter = &self->parameters[index];
    so_tensor *tensor = &self->plan.tensors[index];
    const tensor_source source = {self, fields, PyTuple_GetItem(self->names, index), tensor,
                                  parameter};
    const array_label label = {"parameter", source.name}, key_label = {"key of", source.name};
    if (read_group(&source) < 0 ||
        read_uint64(PyTuple_GetItem(fields, KEY), &key_label, &tensor->key) < 0 ||
        export_array(self->state, PyTuple_GetItem(fields, PARAMETER), ARRAY_UPDATE, FLOAT_DTYPES,
                     &label, parameter) < 0) {
        return -1;
    }
    tensor->parameter = parameter->view.buf;
    tensor->parameter_dtype = parameter->dtype;
    tensor->count = element_count(parameter);
    tensor->scalars = (double *)self->scalars.view.buf + index * self->description.scalar_count;
    self->element_count += (uint64_t)tensor->count;
    int rounds = PyObject_IsTrue(PyTuple_GetItem(fields, ROUNDS_STOCHASTICALLY));
    if (rounds < 0 || read_geometry(&source) < 0 || hold_extras(&source) < 0) return -1;
    tensor->rounding = rounds ? SO_ROUND_STOCHASTIC : SO_ROUND_NEAREST;
    PyObject *slots = PyTuple_GetItem(fields, SLOTS);
    for (int slot = 0; slot < self->description.slot_count; slot++) {
        if (hold_slot(&source, PyTuple_GetItem(slots, slot), &self->description.slots[slot],
                      &tensor->slots[slot]) < 0) {
            return -1;
        }
    }
    return 0;
}
