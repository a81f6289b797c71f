"""Objects that don't fit a checkpoint: what differs is told, and nothing changes."""

import numpy as np
import pytest

import swiftopt as so

from .cases import bits, make_gradients, make_params

SHAPES = ((3, 4), (5,), (2, 2))


def trained(cls=so.AdamW, seed=1, steps=3, **options):
    params = make_params(SHAPES, np.float32, seed=seed)
    optimizer = cls(params, **options)
    for grads in make_gradients(SHAPES, steps, np.float32):
        optimizer.step(grads)
    return params, optimizer


@pytest.fixture
def path(tmp_path):
    params, optimizer = trained(lr=0.1)
    so.save(tmp_path / "run", params=params, optimizer=optimizer)
    return tmp_path / "run"


def refused(path, message, frozen, **objects):
    optimizer = objects.get("optimizer")
    with (
        frozen(objects.get("params", {}), optimizer=optimizer),
        pytest.raises(so.CheckpointError, match=message) as caught,
    ):
        so.load(path, **objects)
    assert str(path) in str(caught.value)
    return caught.value


def test_renamed_missing_unexpected_and_reshaped(path, frozen):
    params = {
        "p3x4_new": np.zeros((3, 4), np.float32),
        "p5": np.zeros(6, np.float32),
        "p2x2": np.zeros((2, 2)),
        "fresh": np.zeros((7, 7), np.float32),
    }
    error = refused(path, "doesn't fit what it is loaded into", frozen, params=params)
    assert error.missing == ("parameter 'p3x4_new'", "parameter 'fresh'")
    assert error.unexpected == ("parameter 'p3x4'",)
    assert error.mismatched == (
        "parameter 'p5' (the file has float32 (5,), expected float32 (6,))",
        "parameter 'p2x2' (the file has float32 (2, 2), expected float64 (2, 2))",
    )
    assert error.renamed == {"p3x4_new": "p3x4"}
    assert "likely renamed: 'p3x4' -> 'p3x4_new'" in str(error)
    assert str(path) in str(error)
    assert isinstance(error, ValueError)


def test_strict_false_loads_the_rest(path):
    saved, _ = trained(lr=0.1)
    params = {"p3x4": np.zeros((3, 4), np.float32), "p5": np.zeros(6, np.float32),
              "fresh": np.zeros(2, np.float32)}  # fmt: skip
    result = so.load(path, params=params, strict=False)
    assert (params["p3x4"] == saved["p3x4"]).all()
    assert not params["p5"].any()
    assert list(result.params) == ["p3x4"]
    assert result.missing == ("parameter 'fresh'",)
    assert result.unexpected == ("parameter 'p2x2'",)
    assert len(result.mismatched) == 1
    assert "not loaded: 1 missing, 1 unexpected, 1 mismatched" in repr(result)
    assert "not loaded" not in repr(so.load(path, params=saved))


def test_strict_false_with_an_optimizer(path, frozen):
    """Fine-tuning with another head: the body goes on, the head begins."""
    saved, saved_optimizer = trained(lr=0.1)
    params = {key: np.ones_like(array) for key, array in saved.items() if key != "p2x2"}
    params["head"] = np.ones(9, np.float32)
    optimizer = so.AdamW(params, lr=1.0)
    error = refused(path, "strict=False", frozen, params=params, optimizer=optimizer)
    assert "state of 'head'" in error.missing
    assert not error.renamed, "shapes differ"
    assert "state of 'p2x2'" in error.unexpected
    so.load(path, params=params, optimizer=optimizer, strict=False)
    assert optimizer.lr == 0.1
    assert optimizer.step_count == 3
    for slot, array in optimizer.state["p5"].items():
        assert array.tobytes() == saved_optimizer.state["p5"][slot].tobytes()
    assert float(optimizer.state["head"]["step"]) == 0
    optimizer.step({key: np.ones_like(array) for key, array in params.items()})


def test_a_prefix_is_recognised(tmp_path):
    """As when a model was wrapped: every name has another beginning."""
    layers = {f"layer{n}.{part}": np.zeros(3) for n in range(5) for part in ("weight", "bias")}
    so.save(tmp_path / "run", params={f"module.{name}": array for name, array in layers.items()})
    with pytest.raises(so.CheckpointError) as caught:
        so.load(tmp_path / "run", params=layers)
    assert caught.value.renamed == {name: f"module.{name}" for name in layers}


def test_many_differences_make_a_short_message(tmp_path):
    so.save(tmp_path / "run", params={f"a{n}": np.zeros(1) for n in range(3000)})
    with pytest.raises(so.CheckpointError, match="and 2980 more") as caught:
        so.load(tmp_path / "run", params={f"b{n}": np.zeros(1) for n in range(3000)})
    assert len(str(caught.value)) < 5000
    assert len(caught.value.missing) == 3000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: so.SGD(p), "with class 'AdamW'; this one has 'SGD'"),
        (lambda p: so.Adam(p), "with class 'AdamW'; this one has 'Adam'"),
        (lambda p: so.AdamW(p, seed=1), "with seed 0; this one has 1"),
        (lambda p: so.AdamW(p, accumulate=2), "with accumulate 1; this one has 2"),
        (lambda p: so.AdamW(p, state_dtype="bfloat16"), r"with state_dtypes \{\} in param_groups"),
        (lambda p: so.AdamW(p, low_precision="kahan"), "with low_precision 'master' in param_gr"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_can_not_change(path, frozen, make, message, strict):
    params = make_params(SHAPES, np.float32, seed=3)
    refused(path, message, frozen, params=params, optimizer=make(params), strict=strict)


def test_other_dtypes_of_parameters_mean_other_states(path, frozen):
    params = make_params(SHAPES, np.float64)
    optimizer = so.AdamW(params)
    error = refused(path, "float64", frozen, optimizer=optimizer)
    assert "state of 'p5': 'exp_avg' (the file has float32 (5,), expected float64 (5,))" in str(
        error.mismatched
    )


def test_groups_that_were_joined(tmp_path, frozen):
    params = make_params(SHAPES)
    so.save(tmp_path / "run", optimizer=so.SGD(params, lr=1, overrides={"p5": {"lr": 2}}))
    optimizer = so.SGD(params, lr=3)
    refused(tmp_path / "run", r"param_groups\[0\]", frozen, optimizer=optimizer)
    assert so.load(tmp_path / "run", optimizer=optimizer, strict=False).mismatched
    assert optimizer.lr == 3


def test_groups_that_were_split_get_what_the_whole_had(tmp_path):
    params = make_params(SHAPES)
    so.save(tmp_path / "run", optimizer=so.SGD(params, lr=0.25))
    optimizer = so.SGD(params, lr=3, overrides={"p5": {"lr": 2}})
    so.load(tmp_path / "run", optimizer=optimizer)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


@pytest.mark.parametrize("section", ["params", "optimizer", "schedule", "scaler", "loader"])
def test_parts_that_are_not_in_the_file(tmp_path, section, frozen):
    params = make_params(SHAPES)
    objects = {
        "params": params,
        "optimizer": so.SGD(params),
        "schedule": so.constant(1.0),
        "scaler": so.LossScaler(),
        "loader": so.EarlyStopping(),
    }
    so.save(tmp_path / "run", **{key: item for key, item in objects.items() if key != section})
    error = refused(tmp_path / "run", f"missing in the file: {section}", frozen, **objects)
    assert error.missing == (section,)
    assert so.load(tmp_path / "run", **objects, strict=False).missing == (section,)


def test_another_schedule(tmp_path):
    so.save(tmp_path / "run", schedule=so.cosine(0.1, total=10))
    assert so.load(tmp_path / "run").schedule == so.cosine(0.1, total=10)
    so.load(tmp_path / "run", schedule=so.cosine(0.1, total=10))
    with pytest.raises(so.CheckpointError, match=r"schedule .*total=10.*total=20"):
        so.load(tmp_path / "run", schedule=so.cosine(0.1, total=20))


def test_state_machines_on_one_side_only(tmp_path, frozen):
    params = make_params(SHAPES)
    plain = so.SGD(params, lr=0.1)
    controlled = so.SGD(params, lr=0.1 * so.ReduceOnPlateau())
    so.save(tmp_path / "plain", optimizer=plain)
    so.save(tmp_path / "controlled", optimizer=controlled)
    refused(
        tmp_path / "plain",
        "the checkpoint has 0.1, without any: set it to that",
        frozen,
        optimizer=controlled,
    )
    refused(tmp_path / "controlled", "0 state machines; the checkpoint has 1, of .*ReduceOn",
            frozen, optimizer=plain)  # fmt: skip
    shown = so.load(tmp_path / "controlled").optimizer["groups"][0]["lr"]
    assert shown["states"][0]["value"] == 1.0


def test_a_part_that_refuses_its_state_undoes_the_others(tmp_path, frozen):
    params = make_params(SHAPES)
    optimizer = so.SGD(params, lr=0.1 * so.ReduceOnPlateau())
    scaler, stopping = so.LossScaler(8.0), so.EarlyStopping()
    so.save(tmp_path / "run", params=params, optimizer=optimizer, scaler=scaler,
            early_stopping=so.EarlyStopping(params=params))  # fmt: skip
    scaler.load_state({**scaler.state, "good_steps": 7})
    optimizer.lr.controls[0].observe(1.0)
    before = scaler.state, stopping.state, optimizer.lr.controls[0].state
    refused(tmp_path / "run", "early_stopping refuses its state", frozen, params=params,
            optimizer=optimizer, scaler=scaler, early_stopping=stopping)  # fmt: skip
    assert (scaler.state, stopping.state, optimizer.lr.controls[0].state) == before


@pytest.mark.parametrize("strict", ["no", 1, None])
def test_strict_must_be_a_bool(path, strict):
    with pytest.raises(TypeError, match=f"strict is {strict!r}; it must be True or False"):
        so.load(path, strict=strict)


def test_arrays_that_the_optimizer_does_not_update(path):
    """A classic mistake: the model's arrays were replaced, the optimizer has the old ones."""
    params, optimizer = trained()
    params = {key: array.copy() for key, array in params.items()}
    for call in (so.save, so.load):
        with pytest.raises(ValueError, match=r"another array for 'p3x4' .*rebind\(params\)"):
            call(path, params=params, optimizer=optimizer)
    optimizer.rebind(params)
    so.load(path, params=params, optimizer=optimizer)


def test_only_what_is_asked_for_is_restored(path, frozen):
    saved, saved_optimizer = trained(lr=0.1)
    params, optimizer = trained(seed=2, lr=0.5, steps=1)
    with frozen(params):
        so.load(path, optimizer=optimizer)
    assert bits(optimizer, {}) == bits(saved_optimizer, {})
    optimizer.load_state(trained(seed=2, steps=1)[1].state)
    with frozen(optimizer=optimizer):
        result = so.load(path, params=params)
    assert bits(optimizer, params)[:3] == bits(optimizer, saved)[:3]
    assert (result.contents, result.optimizer) == (("params", "optimizer"), None)


def test_a_file_on_its_own_in_new_arrays(path):
    saved, saved_optimizer = trained(lr=0.1)
    result = so.load(path)
    assert list(result.params) == list(saved)
    shown = result.optimizer
    assert (shown["class"], shown["step_count"], shown["seed"]) == ("AdamW", 3, 0)
    assert shown["groups"][0]["lr"] == 0.1
    renamed = {f"{name}_new": array for name, array in result.params.items()}
    optimizer = so.AdamW(renamed)
    optimizer.load_state({f"{name}_new": slots for name, slots in shown["state"].items()})
    for name, slots in saved_optimizer.state.items():
        for slot, array in slots.items():
            assert optimizer.state[f"{name}_new"][slot].tobytes() == array.tobytes()


def test_read_only_parameters(path):
    params = make_params(SHAPES, np.float32)
    params["p5"].flags.writeable = False
    with pytest.raises(ValueError, match="parameter 'p5' is read-only"):
        so.load(path, params=params)


@pytest.mark.parametrize("call", [so.save, so.load])
def test_wrong_arguments(path, call):
    for objects, message in [
        ({"optimizer": {}}, "optimizer is a dict; it must be an optimizer"),
        ({"schedule": 0.1}, "schedule is a float; it must be a schedule"),
        ({"scaler": {}}, "scaler is a dict; it must have a property `state`"),
        ({"scaler": so.LossScaler}, "scaler is the class LossScaler; it must be an object of it"),
        ({"params": {"w": 1.0}}, "parameter 'w' is a float"),
        ({"params": (array for array in ())}, "params is a generator"),
    ]:
        with pytest.raises(TypeError, match=message):
            call(path, **objects)
    with pytest.raises(TypeError, match="path is 3; it must be a str or an os"):
        call(3)


def test_strict_is_true_or_false(path):
    with pytest.raises(TypeError, match="strict is 'no'; it must be True or False"):
        so.load(path, strict="no")


def test_inside_evaluation_and_after_close(path, frozen):
    params, optimizer = trained(ema_decay=0.9)
    with optimizer.evaluation():
        for call in (so.save, so.load):
            with pytest.raises(RuntimeError, match="averaged values"):
                call(path, params=params, optimizer=optimizer)
        so.save(path, params=params)  # the averaged weights alone are fine
    assert so.load(path).params["p5"].tobytes() != params["p5"].tobytes()
    optimizer.close()
    for call in (so.save, so.load):
        with pytest.raises(ValueError, match="closed"):
            call(path, optimizer=optimizer)


def test_with_and_without_params_are_two_kinds_of_optimizers(tmp_path, frozen):
    params, optimizer = trained()
    lazy = so.AdamW()
    for key, array in params.items():
        lazy.update(key, array.copy(), np.ones_like(array))
    so.save(tmp_path / "bound", optimizer=optimizer)
    so.save(tmp_path / "lazy", optimizer=lazy)
    refused(tmp_path / "bound", "was saved with its params", frozen, optimizer=lazy)
    refused(tmp_path / "lazy", "was saved without params", frozen, optimizer=optimizer)
