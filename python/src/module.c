/* module.c - swiftopt._core: the module, instruction levels and threads. */
#include "core.h"
#include "data.h"

#include <string.h>

/* The symbols by which threadpoolctl knows a library. It reports a count as given;
 * one out of range leaves the library's as it is. */
__attribute__((visibility("default"))) int swiftopt_get_num_threads(void);
__attribute__((visibility("default"))) void swiftopt_set_num_threads(int count);

int swiftopt_get_num_threads(void) { return so_threads_get(); }

void swiftopt_set_num_threads(int count) { (void)so_threads_set(count); }

static PyObject *core_get_num_threads(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused)) {
    return PyLong_FromLong(so_threads_get());
}

static PyObject *core_set_num_threads(PyObject *Py_UNUSED(module), PyObject *argument) {
    int overflow;
    long count = PyLong_AsLongAndOverflow(argument, &overflow);
    if (count == -1 && PyErr_Occurred()) return NULL;
    if (overflow != 0 || count < 1 || count > SO_MAX_THREADS) {
        PyErr_Format(PyExc_ValueError, "the number of threads is %R; it must be in 1 ... %d",
                     argument, SO_MAX_THREADS);
        return NULL;
    }
    so_status status = so_threads_set((int32_t)count);
    if (status == SO_OK) Py_RETURN_NONE;
    raise_status(status, NULL);
    return NULL;
}

static PyObject *core_level_names(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused)) {
    const int32_t count = so_level_count();
    PyObject *names = PyTuple_New(count);
    for (int32_t index = 0; names != NULL && index < count; index++) {
        PyObject *name = PyUnicode_FromString(so_level_name(index));
        if (name == NULL || PyTuple_SetItem(names, index, name) < 0) Py_CLEAR(names);
    }
    return names;
}

/* A level's name in UTF-8, owned by `argument`. */
static const char *read_level_name(PyObject *argument) {
    if (PyUnicode_Check(argument)) return PyUnicode_AsUTF8AndSize(argument, NULL);
    PyErr_Format(PyExc_TypeError, "the instruction level is %R; it must be a str", argument);
    return NULL;
}

static PyObject *core_level_supported(PyObject *Py_UNUSED(module), PyObject *argument) {
    const char *name = read_level_name(argument);
    if (name == NULL) return NULL;
    const int32_t count = so_level_count();
    for (int32_t index = 0; index < count; index++) {
        if (strcmp(so_level_name(index), name) == 0) {
            return PyBool_FromLong(so_level_supported(index));
        }
    }
    PyErr_Format(PyExc_ValueError, "there is no instruction level %R", argument);
    return NULL;
}

static PyObject *core_level(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused)) {
    int32_t index = so_level_current();
    if (index < 0) { /* SWIFTOPT_LEVEL names none that can be had: choosing again tells why */
        so_status status = so_level_select(NULL);
        if (status != SO_OK) {
            raise_status(status, NULL);
            return NULL;
        }
        index = so_level_current();
    }
    return PyUnicode_FromString(so_level_name(index));
}

static PyObject *core_select_level(PyObject *Py_UNUSED(module), PyObject *argument) {
    const char *name = NULL;
    if (argument != Py_None) {
        name = read_level_name(argument);
        if (name == NULL) return NULL;
    }
    so_status status = so_level_select(name);
    if (status == SO_OK) Py_RETURN_NONE;
    raise_status(status, NULL);
    return NULL;
}

static PyMethodDef core_methods[] = {
    {"level_names", core_level_names, METH_NOARGS,
     PyDoc_STR("level_names($module, /)\n--\n\nThe instruction levels, lowest first.")},
    {"level_supported", core_level_supported, METH_O,
     PyDoc_STR("level_supported($module, name, /)\n--\n\n"
               "Whether this machine can run the level; ValueError if there is no such level.")},
    {"level", core_level, METH_NOARGS,
     PyDoc_STR("level($module, /)\n--\n\nThe instruction level in use.")},
    {"select_level", core_select_level, METH_O,
     PyDoc_STR("select_level($module, name, /)\n--\n\n"
               "Use this level in the whole process; None chooses as at the first use.\n\n"
               "Raises ValueError (no such level), RuntimeError (not on this machine).")},
    {"get_num_threads", core_get_num_threads, METH_NOARGS,
     PyDoc_STR("get_num_threads($module, /)\n--\n\nThreads that one call may use.")},
    {"set_num_threads", core_set_num_threads, METH_O,
     PyDoc_STR("set_num_threads($module, n, /)\n--\n\n"
               "Let one call use up to n threads, the calling one included.")},
    {"set_blas", (PyCFunction)(void (*)(void))core_set_blas, METH_FASTCALL,
     PyDoc_STR("set_blas($module, sgemm, dgemm, integer_bits, /)\n--\n\n"
               "Use the CBLAS functions at these addresses, 0 for none; see so_blas_set.")},
    {"blas_is_set", core_blas_is_set, METH_NOARGS,
     PyDoc_STR("blas_is_set($module, /)\n--\n\nWhether set_blas was given a library.")},
    {"optimizer_descriptions", core_optimizer_descriptions, METH_NOARGS,
     PyDoc_STR("optimizer_descriptions($module, /)\n--\n\n"
               "A dict per optimizer: name, lr, weight_decay, decay, kind,\n"
               "hyperparameters (name, default, minimum, maximum, maximum_is_open, is_flag),\n"
               "slots (name, required_by, initial_value, content, form, owner,\n"
               "starts_as_parameter), scalars (name, initial).")},
    {"schedule_validate", core_schedule_validate, METH_O,
     PyDoc_STR("schedule_validate($module, program, /)\n--\n\n"
               "Raise ValueError unless the bytes are one complete schedule.")},
    {"schedule_value", (PyCFunction)(void (*)(void))core_schedule_value, METH_FASTCALL,
     PyDoc_STR("schedule_value($module, program, step, /)\n--\n\nThe schedule at one step.")},
    {"schedule_values", (PyCFunction)(void (*)(void))core_schedule_values, METH_FASTCALL,
     PyDoc_STR("schedule_values($module, program, steps, out, /)\n--\n\n"
               "out[i] = schedule(steps[i]) for float64 arrays of the same size.")},
    {"control_begin", (PyCFunction)(void (*)(void))core_control_begin, METH_FASTCALL,
     PyDoc_STR("control_begin($module, machine, settings, /)\n--\n\n"
               "The state, a bytearray, from which a machine of swiftopt.h with these settings\n"
               "(bytes) starts: both are 8 native float64 numbers.")},
    {"control_check", (PyCFunction)(void (*)(void))core_control_check, METH_FASTCALL,
     PyDoc_STR("control_check($module, machine, settings, state, /)\n--\n\n"
               "Raise ValueError unless these are settings and state of the machine.")},
    {"control_observe", (PyCFunction)(void (*)(void))core_control_observe, METH_FASTCALL,
     PyDoc_STR("control_observe($module, machine, settings, state, observation, /)\n--\n\n"
               "Make one transition of the state, in place, and return swiftopt.h's events.\n"
               "On an error the state stays.")},
    {"cast", (PyCFunction)(void (*)(void))core_cast, METH_FASTCALL,
     PyDoc_STR("cast($module, source, out, stochastic, seed, /)\n--\n\n"
               "out[i] = source[i], rounded to the nearest or by chance.")},
    {"augmentation_descriptions", core_augmentation_descriptions, METH_NOARGS,
     PyDoc_STR("augmentation_descriptions($module, /)\n--\n\n"
               "A tuple per augmentation: name, kind, settings (name, minimum, maximum,\n"
               "minimum_is_open, is_whole, per_channel).")},
    {"augment_plan", (PyCFunction)(void (*)(void))core_augment_plan, METH_FASTCALL,
     PyDoc_STR("augment_plan($module, program, shape, dtype, out_dtype, /)\n--\n\n"
               "Height and width of what comes out of images of this shape (count, height,\n"
               "width, channels), and whether the program, float64 numbers as bytes, mixes.")},
    {"augment", (PyCFunction)(void (*)(void))core_augment, METH_FASTCALL,
     PyDoc_STR("augment($module, images, out, program, shape, seed, epoch, indices, labels,\n"
               "        classes, /)\n--\n\n"
               "Write augmented images of this shape (count, height, width, channels) to out.")},
    {"layer_descriptions", core_layer_descriptions, METH_NOARGS,
     PyDoc_STR("layer_descriptions($module, /)\n--\n\n"
               "A dict per layer function: name, uses_products, arrays (name, kind, role,\n"
               "is_optional, may_be), sizes (name), settings (name, default, minimum, maximum,\n"
               "maximum_is_open, is_flag).")},
    {"checksum", (PyCFunction)(void (*)(void))core_checksum, METH_FASTCALL,
     PyDoc_STR("checksum($module, data, seed, /)\n--\n\n"
               "XXH64 of the bytes of a C-contiguous buffer.")},
    {"checksum_blocks", (PyCFunction)(void (*)(void))core_checksum_blocks, METH_FASTCALL,
     PyDoc_STR("checksum_blocks($module, data, block_size, /)\n--\n\n"
               "XXH64 with seed 0 of each block of a C-contiguous buffer, as a tuple.")},
    {"sample_indices", (PyCFunction)(void (*)(void))core_sample_indices, METH_FASTCALL,
     PyDoc_STR("sample_indices($module, sampler, epoch, first, out, /)\n--\n\n"
               "out[i] = the sample at this rank's position first + i of an epoch; int64.")},
    {"alias_table", (PyCFunction)(void (*)(void))core_alias_table, METH_FASTCALL,
     PyDoc_STR("alias_table($module, weights, accept, alias, /)\n--\n\n"
               "Fill the table (float64 and int64) of a weighted sampler.")},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, PyType_Spec *spec) {
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (type == NULL) return -1;
    int result = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return result;
}

static int core_exec(PyObject *module) {
    core_state *state = PyModule_GetState(module);
    state->dtype_string = PyUnicode_InternFromString("dtype");
    state->updated_string = PyUnicode_InternFromString("updated");
    state->skipped_string = PyUnicode_InternFromString("skipped");
    state->one = PyFloat_FromDouble(1.0);
    if (state->dtype_string == NULL || state->updated_string == NULL ||
        state->skipped_string == NULL || state->one == NULL || load_dtypes(state) < 0) {
        return -1;
    }
    state->report_type = make_report_type();
    if (state->report_type == NULL || PyModule_AddType(module, state->report_type) < 0) return -1;
    if (add_type(module, &plan_spec) < 0) return -1;
    if (add_type(module, &data_plan_spec) < 0 || add_type(module, &feeder_spec) < 0) return -1;
    return add_type(module, &layer_call_spec);
}

static int core_traverse(PyObject *module, visitproc visit, void *arg) {
    core_state *state = PyModule_GetState(module);
    Py_VISIT(state->report_type);
    Py_VISIT(state->dtype_type);
    for (so_dtype dtype = 0; dtype <= SO_UINT64; dtype++) Py_VISIT(state->dtypes[dtype]);
    Py_VISIT(state->uint16_dtype);
    Py_VISIT(state->as_array);
    Py_VISIT(state->bfloat16_view);
    Py_VISIT(state->load_blas);
    return 0;
}

static int core_clear(PyObject *module) {
    core_state *state = PyModule_GetState(module);
    Py_CLEAR(state->report_type);
    Py_CLEAR(state->dtype_type);
    for (so_dtype dtype = 0; dtype <= SO_UINT64; dtype++) Py_CLEAR(state->dtypes[dtype]);
    Py_CLEAR(state->uint16_dtype);
    Py_CLEAR(state->dtype_string);
    Py_CLEAR(state->updated_string);
    Py_CLEAR(state->skipped_string);
    Py_CLEAR(state->one);
    Py_CLEAR(state->as_array);
    Py_CLEAR(state->bfloat16_view);
    Py_CLEAR(state->load_blas);
    free_workspaces(state);
    return 0;
}

static void core_free(void *module) { core_clear(module); }

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, core_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef core_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "swiftopt._core",
    .m_doc = PyDoc_STR("The native side of swiftopt; use the package instead."),
    .m_size = sizeof(core_state),
    .m_methods = core_methods,
    .m_slots = core_slots,
    .m_traverse = core_traverse,
    .m_clear = core_clear,
    .m_free = core_free,
};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&core_definition); }
