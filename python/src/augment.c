/* augment.c - augmentations of images: what there is, and whole arrays of images. */
#include "core.h"

#include <string.h>

static const char *const kinds[] = {
    [SO_AUGMENTATION_GEOMETRIC] = "geometric",
    [SO_AUGMENTATION_PIXEL] = "pixel",
    [SO_AUGMENTATION_CHOICE] = "choice",
    [SO_AUGMENTATION_MIXING] = "mixing",
};

static PyObject *setting_tuple(const so_augmentation_description *description) {
    PyObject *settings = PyTuple_New(description->setting_count);
    for (int index = 0; settings != NULL && index < description->setting_count; index++) {
        const so_augmentation_setting *entry = &description->settings[index];
        PyObject *item = Py_BuildValue("(sddOOO)", entry->name, entry->minimum, entry->maximum,
                                       entry->minimum_is_open ? Py_True : Py_False,
                                       entry->is_whole ? Py_True : Py_False,
                                       entry->per_channel ? Py_True : Py_False);
        if (item == NULL || PyTuple_SetItem(settings, index, item) < 0) Py_CLEAR(settings);
    }
    return settings;
}

PyObject *core_augmentation_descriptions(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused)) {
    const int32_t count = so_augmentation_count();
    PyObject *list = PyList_New(0);
    for (int32_t index = 0; list != NULL && index < count; index++) {
        so_augmentation_description description;
        const so_status status = so_augmentation_describe(index, &description);
        if (status != SO_OK) {
            raise_status(status, NULL);
            Py_CLEAR(list);
            break;
        }
        PyObject *settings = setting_tuple(&description);
        PyObject *item = settings == NULL ? NULL
                                          : Py_BuildValue("(ssN)", description.name,
                                                          kinds[description.kind], settings);
        if (item == NULL || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* The program's bytes, which the object keeps. */
static int read_program(PyObject *object, so_augment_call *call) {
    char *bytes;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(object, &bytes, &size) < 0) return -1;
    if (size % (Py_ssize_t)sizeof(double) != 0) {
        PyErr_Format(PyExc_ValueError, "program has %zd bytes; it must be a multiple of 8", size);
        return -1;
    }
    call->program = (const double *)(const void *)bytes;
    call->program_length = size / (Py_ssize_t)sizeof(double);
    return 0;
}

/* Count, height, width, channels: a tuple of four. */
static int read_shape(PyObject *object, so_augment_call *call) {
    long long count, height, width, channels;
    if (!PyArg_ParseTuple(object, "LLLL", &count, &height, &width, &channels)) return -1;
    call->count = count;
    call->height = height;
    call->width = width;
    call->channels = channels;
    return 0;
}

/* uint8 is a dtype of its own here, rather than codes of blocks. */
static so_dtype image_dtype(so_dtype dtype) { return dtype == SO_BLOCK8 ? SO_UINT8 : dtype; }

static int read_dtype(PyObject *name, so_dtype *out) {
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
    if (text == NULL) return -1;
    for (so_dtype dtype = SO_FLOAT32; dtype <= SO_BLOCK8; dtype++) {
        if (strcmp(dtype_name(dtype), text) == 0) {
            *out = image_dtype(dtype);
            return 0;
        }
    }
    PyErr_Format(PyExc_TypeError, "images can't have dtype %U", name);
    return -1;
}

PyObject *core_augment_plan(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                            Py_ssize_t count) {
    so_augment_call call = {.count = 0};
    so_augment_result result;
    if (check_argument_count("augment_plan", count, 4) < 0) return NULL;
    if (read_program(arguments[0], &call) < 0 || read_shape(arguments[1], &call) < 0 ||
        read_dtype(arguments[2], &call.dtype) < 0 ||
        read_dtype(arguments[3], &call.out_dtype) < 0) {
        return NULL;
    }
    const so_status status = so_augment_plan(&call, &result);
    if (status != SO_OK) {
        raise_status(status, NULL);
        return NULL;
    }
    return Py_BuildValue("(LLO)", (long long)result.height, (long long)result.width,
                         result.mixes ? Py_True : Py_False);
}

/* Runs a call that is complete but for its workspace. */
static int run(core_state *state, so_augment_call *call) {
    so_augment_result result;
    so_status status = so_augment_plan(call, &result);
    if (status == SO_OK) {
        call->workspace = take_workspace(state, result.workspace_size);
        if (call->workspace == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        call->workspace_size = result.workspace_size;
        Py_BEGIN_ALLOW_THREADS
        status = so_augment(call);
        Py_END_ALLOW_THREADS
        give_back_workspace(state, call->workspace);
    }
    if (status == SO_OK) return 0;
    raise_status(status, NULL);
    return -1;
}

/* The numbers of elements that images, result and labels must have. */
static int check_counts(const so_augment_call *call, const array_export *arrays,
                        const array_label *labels) {
    so_augment_result result;
    const so_status status = so_augment_plan(call, &result);
    if (status != SO_OK) {
        raise_status(status, NULL);
        return -1;
    }
    const int64_t rows = call->count * call->channels;
    if (check_element_count(&arrays[0], &labels[0], rows * call->height * call->width) < 0 ||
        check_element_count(&arrays[1], &labels[1], rows * result.height * result.width) < 0) {
        return -1;
    }
    if (call->numbers != NULL && check_element_count(&arrays[2], &labels[2], call->count) < 0) {
        return -1;
    }
    return call->labels == NULL
               ? 0
               : check_element_count(&arrays[3], &labels[3], call->count * call->classes);
}

PyObject *core_augment(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    enum { IMAGES, OUT, NUMBERS, LABELS, ARRAYS };
    static const array_label labels[ARRAYS] = {
        {"images", NULL}, {"out", NULL}, {"indices", NULL}, {"labels", NULL}};
    core_state *state = PyModule_GetState(module);
    so_augment_call call = {.count = 0};
    array_export arrays[ARRAYS] = {{.dtype = 0}};
    if (check_argument_count("augment", count, 9) < 0) return NULL;
    if (read_program(arguments[2], &call) < 0 || read_shape(arguments[3], &call) < 0 ||
        read_uint64(arguments[4], &(array_label){"seed", NULL}, &call.seed) < 0 ||
        read_uint64(arguments[5], &(array_label){"epoch", NULL}, &call.epoch) < 0) {
        return NULL;
    }
    call.classes = PyLong_AsLongLong(arguments[8]);
    if (call.classes == -1 && PyErr_Occurred()) return NULL;
    PyObject *result = NULL;
    const dtype_set dtypes = FLOAT_DTYPES | DTYPE(SO_BLOCK8);
    if (export_array(state, arguments[0], ARRAY_READ, dtypes, &labels[IMAGES], &arrays[IMAGES]) <
            0 ||
        export_array(state, arguments[1], ARRAY_UPDATE, dtypes, &labels[OUT], &arrays[OUT]) < 0 ||
        (arguments[6] != Py_None &&
         export_array(state, arguments[6], ARRAY_READ, DTYPE(SO_INT64), &labels[NUMBERS],
                      &arrays[NUMBERS]) < 0) ||
        (arguments[7] != Py_None &&
         export_array(state, arguments[7], ARRAY_UPDATE, DTYPE(SO_FLOAT32), &labels[LABELS],
                      &arrays[LABELS]) < 0)) {
        goto done;
    }
    call.dtype = image_dtype(arrays[IMAGES].dtype);
    call.out_dtype = image_dtype(arrays[OUT].dtype);
    call.images = arrays[IMAGES].view.buf;
    call.out = arrays[OUT].view.buf;
    if (arguments[6] != Py_None) call.numbers = arrays[NUMBERS].view.buf;
    if (arguments[7] != Py_None) call.labels = arrays[LABELS].view.buf;
    if (check_counts(&call, arrays, labels) == 0 && run(state, &call) == 0) {
        result = Py_NewRef(Py_None);
    }
done:
    release_exports(arrays, ARRAYS);
    return result;
}
