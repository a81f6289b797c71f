/* report.c - what a step tells. */
#include "core.h"

PyDoc_STRVAR(report_doc,
"What one step did, as a tuple with named fields.\n"
"\n"
"Returned by every optimizer's ``step`` and ``update``.");

enum { STATUS, STEP, LR, GROUPS, GRAD_NORM, CLIP_COEFFICIENT, FIRST_BAD, UPDATE_NORM,
       LOSS_SCALE, FIELDS };

PyTypeObject *make_report_type(void) {
    /* The type copies what it needs. */
    PyStructSequence_Field fields[FIELDS + 1] = {
        [STATUS] = {"status", "\"updated\"; \"skipped\" if a gradient was not finite and "
                              "nothing was written; \"accumulating\" if the gradients were "
                              "added to those of a later step"},
        [STEP] = {"step", "completed updates after this call, an int"},
        [LR] = {"lr", "the learning rate of the first group, a float"},
        [GROUPS] = {"groups", "the hyper-parameter values used, a dict per parameter group"},
        [GRAD_NORM] = {"grad_norm", "the Euclidean norm of all gradients together, before any "
                                    "clipping; None unless something asked for it"},
        [CLIP_COEFFICIENT] = {"clip_coefficient", "the factor that clip_norm put on the "
                                                  "gradients, 1.0 if it did not limit them"},
        [FIRST_BAD] = {"first_bad", "the name of the first tensor whose gradient has inf or nan; "
                                    "None if there is none or the gradients were not examined"},
        [UPDATE_NORM] = {"update_norm", "the Euclidean norm of all changes to the parameters "
                                        "together; None unless report_update_norm is on"},
        [LOSS_SCALE] = {"loss_scale", "the scale for the next loss, after this step has moved the "
                                      "scaler; None without a scaler"},
        [FIELDS] = {NULL, NULL},
    };
    PyStructSequence_Desc description = {
        .name = "swiftopt.Report", /* where it can be unpickled from */
        .doc = report_doc,
        .fields = fields,
        .n_in_sequence = FIELDS,
    };
    return PyStructSequence_NewType(&description);
}

/* Puts a new reference, or NULL with an exception, into the report. */
static int set_field(PyObject *report, Py_ssize_t field, PyObject *value) {
    if (value == NULL) return -1;
    PyStructSequence_SetItem(report, field, value);
    return 0;
}

static PyObject *completed_steps(const so_report *native, PyObject *step_after) {
    if (native->outcome == SO_UPDATED) return Py_NewRef(step_after);
    long long step = PyLong_AsLongLong(step_after);
    if (step == -1 && PyErr_Occurred()) return NULL;
    return PyLong_FromLongLong(step - 1);
}

PyObject *make_report(core_state *state, PyObject *names, const so_plan *plan,
                      const so_report *native, PyObject *step_after, PyObject *lr,
                      PyObject *groups, PyObject *loss_scale) {
    PyObject *report = PyStructSequence_New(state->report_type);
    if (report == NULL) {
        Py_XDECREF(loss_scale);
        return NULL;
    }
    PyObject *status =
        native->outcome == SO_UPDATED ? state->updated_string : state->skipped_string;
    PyObject *first_bad = Py_None;
    if (native->norm_computed && native->first_bad >= 0) {
        first_bad = PyTuple_GetItem(names, (Py_ssize_t)native->first_bad);
    }
    PyObject *norm =
        native->norm_computed ? PyFloat_FromDouble(native->grad_norm) : Py_NewRef(Py_None);
    PyObject *coefficient = native->clip_coefficient == 1.0
                                ? Py_NewRef(state->one)
                                : PyFloat_FromDouble(native->clip_coefficient);
    PyObject *update_norm = plan->flags & SO_REPORT_UPDATE_NORM
                                ? PyFloat_FromDouble(native->update_norm)
                                : Py_NewRef(Py_None);
    /* Every value is handed over, whatever happens to the ones before it. */
    int failures = set_field(report, STATUS, Py_NewRef(status));
    failures |= set_field(report, STEP, completed_steps(native, step_after));
    failures |= set_field(report, LR, Py_NewRef(lr));
    failures |= set_field(report, GROUPS, Py_NewRef(groups));
    failures |= set_field(report, GRAD_NORM, norm);
    failures |= set_field(report, CLIP_COEFFICIENT, coefficient);
    failures |= set_field(report, FIRST_BAD, Py_XNewRef(first_bad));
    failures |= set_field(report, UPDATE_NORM, update_norm);
    failures |= set_field(report, LOSS_SCALE, loss_scale != NULL ? loss_scale : Py_NewRef(Py_None));
    if (failures != 0) Py_CLEAR(report);
    return report;
}
