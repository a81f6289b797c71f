"""The native Plan under code that calls back, threads, and the garbage collector."""

import gc
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

from swiftopt import _core

from .plans import group, step, tensor
from .plans import sgd_plan as make_plan

GROUP = group()
IN_USE = "this optimizer is in use by another call; nothing was done"


class Hostile(np.ndarray):
    """An array that runs `attack` whenever it is asked for its dtype."""

    attack = None

    @property
    def dtype(self):
        if Hostile.attack is not None:
            Hostile.attack()
        return np.dtype(np.float64)


@pytest.fixture
def attack():
    """A function that arms `Hostile`; the first attack in a step is the only one."""
    seen = []

    def arm(action):
        def once():
            Hostile.attack = None
            try:
                action()
            except Exception as error:
                seen.append(str(error))

        Hostile.attack = once
        return seen

    yield arm
    Hostile.attack = None


ACTIONS = {
    "release": (),
    "step": ([np.ones(2)], 1, 0.5, ()),
    "bind": (None,),
    "receive": (0, np.ones(2)),
    "accumulate": ([np.ones(2)], 1.0),
    "step_accumulated": (1, 0.5, (), 1.0),
    "set_group": (0, GROUP),
    "set_options": (1.0, True, True, True),
    "__getattribute__": ("accumulated",),
    "__setattr__": ("accumulated", (True,)),
}


@pytest.mark.parametrize("method", ACTIONS)
def test_array_that_calls_back(attack, method):
    parameter = np.ones(2)
    plan = make_plan(parameter)
    seen = attack(lambda: getattr(plan, method)(*ACTIONS[method]))
    step(plan, [np.ones(2).view(Hostile)])
    assert seen == [IN_USE]
    assert parameter.tolist() == [0.5, 0.5]
    assert not plan.released


def test_list_that_changes_during_the_call(attack):
    parameters = [np.ones(2), np.ones(2)]
    plan = make_plan(*parameters)
    grads = [np.ones(2).view(Hostile), np.ones(2)]
    seen = attack(grads.clear)
    step(plan, grads)
    assert seen == []
    assert grads == []
    assert [parameter.tolist() for parameter in parameters] == [[0.5, 0.5]] * 2


def test_half_built_plan_can_not_be_used(attack):
    def plans():
        return {id(item): item for item in gc.get_objects() if type(item) is _core.Plan}

    def find_and_step():
        (new,) = plans().keys() - known.keys()
        step(plans()[new], [None])

    known = plans()
    seen = attack(find_and_step)
    plan = make_plan(np.ones(2).view(Hostile))
    assert seen == [IN_USE]
    plan.release()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ in Python is new in 3.12")
def test_python_buffer_that_calls_back():
    class Buffer:
        def __buffer__(self, flags):
            refuse(plan.release)
            return memoryview(np.ones(2))

        def __release_buffer__(self, view):
            refuse(lambda: plan.bind(None))
            view.release()

    def refuse(call):
        with pytest.raises(RuntimeError) as caught:
            call()
        seen.append(str(caught.value))

    seen = []
    parameter = np.ones(2)
    plan = make_plan(parameter)
    step(plan, [Buffer()])
    assert seen == [IN_USE] * 2
    assert parameter.tolist() == [0.5, 0.5]


def test_threads_on_one_plan_exclude_each_other():
    parameter, gradient = np.zeros(200_000), np.full(200_000, 2.0)
    plan = make_plan(parameter)
    done, refused, start = [], [], threading.Barrier(4)

    def work():
        start.wait()
        for _ in range(50):
            try:
                step(plan, [gradient])
                done.append(1)
            except RuntimeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(refused) <= {IN_USE}
    assert len(done) + len(refused) == 200
    assert np.all(parameter == -len(done))  # each step subtracts exactly 1


def test_large_step_lets_other_threads_run():
    parameter, gradient = np.zeros(2_000_000), np.ones(2_000_000)
    plan = make_plan(parameter)
    started, done = threading.Event(), []

    def work():
        started.set()
        for _ in range(100):
            step(plan, [gradient])
            done.append(1)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # nobody is made to give up the GIL
    try:
        thread = threading.Thread(target=work)
        thread.start()
        started.wait()
        steps_seen = len(done)
    finally:
        sys.setswitchinterval(interval)
    thread.join()
    assert steps_seen < 100


def test_cycle_through_a_parameter_is_collected():
    class Weight(np.ndarray):
        pass

    parameter = np.ones(2).view(Weight)
    parameter.plan = make_plan(parameter)
    parameter.plan.bind([np.ones(2)])
    parameter.plan.receive(0, parameter.copy())
    alive = weakref.ref(parameter)
    del parameter
    gc.collect()
    assert alive() is None


def test_reference_counts_stay():
    parameter, gradient, buffer, accumulator = np.zeros(2), np.ones(2), np.zeros(2), np.zeros(2)
    codes, scales = np.zeros(2, np.uint8), np.zeros(1, np.float32)
    names, wrong = ("w",), np.ones(3)
    whole = tensor(parameter, (buffer,), accumulator=accumulator)
    pair = tensor(parameter, ((codes, scales),))
    objects = (parameter, gradient, buffer, accumulator, codes, scales, names, names[0], wrong)
    objects += (GROUP, whole, pair, parameter.dtype, _core.Plan, _core.Report)

    def use():
        make_plan(pair)
        plan = make_plan(whole, names=names)
        for _ in range(3):
            step(plan, [gradient])
            plan.bind((gradient,))
            step(plan, None)
            plan.receive(0, gradient)
            plan.receive(0, gradient)
            with pytest.raises(ValueError, match="has shape"):
                plan.receive(0, wrong)
            step(plan, None)
            plan.receive(0, gradient)
            step(plan, [gradient])
            plan.accumulate([gradient], 1.0)
            plan.accumulated = plan.accumulated
            plan.step_accumulated(1, 0.5, GROUP, 1.0)
            for grads in ([wrong], [gradient] * 2, [object()], "w", [gradient.astype(int)]):
                with pytest.raises((TypeError, ValueError)):
                    step(plan, grads)
            with pytest.raises(TypeError, match="takes 4 to 7"):
                plan.step([gradient])
            with pytest.raises(ValueError, match="has shape"):
                make_plan(tensor(parameter, (wrong,), average=buffer))
            with pytest.raises(ValueError, match="elements"):
                make_plan(tensor(parameter, ((codes, buffer.view(np.float32)),)))

    use()
    gc.collect()
    before = [sys.getrefcount(item) for item in objects]
    for _ in range(20):
        use()
    gc.collect()
    assert [sys.getrefcount(item) for item in objects] == before


def refused(call):
    def attempt():
        try:
            call()
        except (TypeError, ValueError):
            return
        pytest.fail("nothing was raised")

    return attempt


def growth(call, repetitions):
    """Bytes that this many calls leave allocated."""
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(repetitions):
        call()
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


def test_memory_stays():
    parameter, scalar = np.ones(2), np.array(1.0)
    plan, scalar_plan = make_plan(tensor(parameter, accumulator=np.ones(2))), make_plan(scalar)
    strided, big_endian = np.ones(4)[::2], np.ones(2, ">f8")
    calls = {
        "converted": lambda: step(scalar_plan, [0.5]),
        "report": lambda: step(plan, [np.ones(2)]),
        "shape": refused(lambda: step(plan, [scalar])),
        "strides": refused(lambda: step(plan, [strided])),
        "byte order": refused(lambda: step(plan, [big_endian])),
        "format": refused(lambda: step(plan, [bytearray(2)])),
        "no array": refused(lambda: step(plan, [None, object()])),
        "overlap": refused(lambda: step(plan, [parameter])),
        "receive": lambda: (plan.receive(0, np.ones(2)), step(plan, None)),
        "received twice": lambda: (plan.receive(0, np.ones(2)), plan.receive(0, np.ones(2))),
        "not received": refused(lambda: plan.receive(0, parameter)),
        "accumulate": lambda: plan.accumulate([np.ones(2)], 1.0),
        "no accumulator": refused(lambda: scalar_plan.accumulate([1.0], 1.0)),
        "weight": refused(lambda: plan.accumulate([np.ones(2)], 0.0)),
        "accumulated": lambda: setattr(plan, "accumulated", list(plan.accumulated)),
        "no flag": refused(lambda: setattr(plan, "accumulated", (1,))),
        "accumulated step": lambda: plan.step_accumulated(1, 0.5, (), 0.5),
        "scale": refused(lambda: step(plan, [np.ones(2)], scale=-1.0)),
        "16 bits": refused(lambda: step(plan, [np.ones(2, np.uint16)])),
        "descriptions": _core.optimizer_descriptions,
        "group": refused(lambda: plan.set_group(0, group(lr=-1.0))),
        "flag": refused(lambda: plan.set_group(0, group(cautious=2))),
        "option": refused(lambda: plan.set_options("much", True, True, True)),
        "new plan": lambda: make_plan(parameter).bind([np.ones(2)]),
        "no plan": refused(lambda: make_plan(tensor(parameter, (strided,)))),
        "no tensor": refused(lambda: make_plan(tensor(parameter, key=-1))),
    }
    tracemalloc.start()
    try:
        # Caches fill at times; what is lost in each call, at least 16 bytes, is lost always.
        least = {name: min(growth(call, 200) for _ in range(4)) for name, call in calls.items()}
    finally:
        tracemalloc.stop()
    assert {name: size for name, size in least.items() if size >= 200 * 16} == {}
