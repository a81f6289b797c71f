/* cast.c - arrays from one dtype to another. */
#include "core.h"

PyObject *core_cast(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    core_state *state = PyModule_GetState(module);
    enum { SOURCE, TARGET, ARRAYS };
    const array_label source_label = {"source", NULL}, target_label = {"out", NULL};
    array_export arrays[ARRAYS] = {{.dtype = 0}};
    uint64_t seed;
    if (check_argument_count("cast", count, 4) < 0) return NULL;
    const int is_stochastic = PyObject_IsTrue(arguments[2]);
    if (is_stochastic < 0 || read_uint64(arguments[3], &(array_label){"seed", NULL}, &seed) < 0) {
        return NULL;
    }
    const array_export *source = &arrays[SOURCE], *target = &arrays[TARGET];
    PyObject *result = NULL;
    if (export_array(state, arguments[0], ARRAY_READ, FLOAT_DTYPES, &source_label,
                     &arrays[SOURCE]) == 0 &&
        export_array(state, arguments[1], ARRAY_UPDATE, FLOAT_DTYPES, &target_label,
                     &arrays[TARGET]) == 0 &&
        check_element_count(target, &target_label, element_count(source)) == 0) {
        so_status status;
        Py_BEGIN_ALLOW_THREADS
        status = so_cast(source->view.buf, source->dtype, target->view.buf, target->dtype,
                         element_count(source),
                         is_stochastic ? SO_ROUND_STOCHASTIC : SO_ROUND_NEAREST, seed);
        Py_END_ALLOW_THREADS
        if (status == SO_OK) {
            result = Py_NewRef(Py_None);
        } else {
            raise_status(status, NULL);
        }
    }
    release_exports(arrays, ARRAYS);
    return result;
}
