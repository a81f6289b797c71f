"""Plan: what follows from results, with results that were made up."""

import dataclasses

import pytest

from swiftopt.study import FULL, QUICK, Config, Protocol
from swiftopt.study import _protocol as protocols
from swiftopt.study._plan import Plan, target_key
from swiftopt.study._run import _set_targets, _timing_groups
from swiftopt.study._store import Store
from swiftopt.study._table import SETTERS, TECHNIQUES
from swiftopt.study._timing import timing_key
from swiftopt.study.workloads import WORKLOADS

from .study_support import SMALL, result, workload


@pytest.fixture
def small(monkeypatch):
    """The smallest protocol, on the two clouds."""

    def made(held_out):
        variant = {"name": "logistic-held-out", "variant_of": "logistic"}
        return workload(**(variant if held_out else {"name": "logistic"}))

    monkeypatch.setitem(protocols.WORKLOADS, "logistic", made)
    return Protocol(
        workloads=("logistic",),
        techniques=SMALL.techniques,
        tuning_trials=3,
        seeds=2,
        held_out=True,
    )


def finish(store, trial, values):
    store.add(
        "trial", trial.key, workload=trial.workload.name, config=trial.config.to_json(),
        seed=trial.seed, samples=trial.samples, result=result(values),
    )  # fmt: skip


def finish_ready(protocol, store, values_of):
    trials = Plan(protocol, store).ready()
    for trial in trials:
        finish(store, trial, values_of(trial))
    return trials


def test_at_first_only_what_needs_no_choice_is_ready(small, tmp_path):
    plan = Plan(small, Store(tmp_path))
    ready = {(trial.phase, trial.technique) for trial in plan.ready()}
    assert ready == {
        ("target", "momentum"), ("target", "sgd_tuned"), ("tuning", "sgd"),
        ("reported", "sgd_naive"), ("held out", "sgd_naive"),
    }  # fmt: skip


def test_the_number_of_trials_is_known_beforehand(small, tmp_path):
    """Choices change which trials are run, and whether some are shared, but not how many."""
    store = Store(tmp_path)
    plan = Plan(small, store)
    # Tuning 3 × 3, targets 2 × 2 × 2 variants, reported 4 × 2, held out 2 × 2.
    assert len(plan.trials()) == 9 + 8 + 8 + 4


def test_a_study_from_beginning_to_end(small, tmp_path):
    store = Store(tmp_path)

    def values_of(trial):
        """Larger rates get there sooner, and end lower."""
        if trial.config.lr > 0.3:
            return [0.5, 0.82, 0.82, 0.81]
        return [0.5, 0.6, 0.8, 0.9]

    finish_ready(small, store, values_of)
    plan = Plan(small, store)
    main = plan.workloads[0]
    assert plan.target(main) is None
    # The target's trials are those of the rate that ended best, for both kinds of tuned SGD.
    setters = plan.target_trials(main)
    assert [trial.technique for trial in setters] == ["momentum"] * 2 + ["sgd_tuned"] * 2
    assert all(trial.config.lr <= 0.3 for trial in setters)
    assert {trial.seed for trial in setters} == {1, 2}

    for index, trial in enumerate(setters):
        finish(store, trial, [0.5, 0.7, 0.8 + index / 100])
    assert Plan(small, store).computed_target(main) == 0.8  # the worst of the best values
    store.add("target", target_key(main, small), workload=main.name, value=0.8)

    # Now that there is a target, the rate that reaches it first is chosen.
    plan = Plan(small, store)
    for name in ("sgd", *SETTERS):
        assert plan.chosen("logistic", name).lr > 0.3
    assert plan.chosen("logistic", "sgd_naive") == Config(horizon=3.0)
    while finish_ready(small, store, values_of):
        pass
    assert all(trial.is_settled for trial in Plan(small, store).trials())


def test_a_length_that_sufficed_by_luck_is_not_chosen(small, tmp_path):
    protocol = dataclasses.replace(small, techniques=(*small.techniques, "sgd_short"))
    store = Store(tmp_path)
    finish_ready(protocol, store, lambda trial: [0.5, 0.9])
    main = Plan(protocol, store).workloads[0]
    store.add("target", target_key(main, protocol), workload=main.name, value=0.8)
    finals = [t for t in Plan(protocol, store).ready() if "final" in t.phase]
    assert len(finals) == 3 * 2  # the best three, two seeds each
    assert {trial.seed for trial in finals}.isdisjoint({0, 1, 2})
    assert Plan(protocol, store).chosen("logistic", "sgd_short") is None
    lucky = finals[0].config
    for trial in finals:
        finish(store, trial, [0.5, 0.7] if trial.config == lucky else [0.5, 0.7, 0.7, 0.9])
    chosen = Plan(protocol, store).chosen("logistic", "sgd_short")
    assert chosen in {trial.config for trial in finals} - {lucky}


def test_cells_whose_trials_set_the_target_are_timed_too(small, tmp_path):
    store = Store(tmp_path)
    while True:
        _set_targets(Plan(small, store))
        if not finish_ready(small, store, lambda trial: [0.5, 0.9 - abs(trial.config.lr - 0.1)]):
            break
    plan = Plan(small, store)
    main = plan.workloads[0]
    # The rate that ended best is the one that is chosen, so both are the same trials.
    setters = {trial.config for trial in plan.target_trials(main)}
    assert plan.chosen(main.name, "sgd_tuned") in setters
    timed = {timing_key(w, config) for w, configs in _timing_groups(plan) for config in configs}
    for technique in small.rows(main):
        assert timing_key(main, plan.chosen(main.name, technique.name)) in timed


def test_the_whole_length_may_be_chosen_too(small, tmp_path):
    """No point of the search has it, but the partner's trials do."""
    protocol = dataclasses.replace(small, techniques=(*small.techniques, "sgd_short"))
    store = Store(tmp_path)

    def values_of(trial):
        return [0.5, 0.9] if trial.config.horizon == 1 else [0.5, 0.6]

    finish_ready(protocol, store, values_of)
    main = Plan(protocol, store).workloads[0]
    store.add("target", target_key(main, protocol), workload=main.name, value=0.8)
    finish_ready(protocol, store, values_of)
    plan = Plan(protocol, store)
    assert plan.chosen("logistic", "sgd_short").horizon == 1
    assert plan.chosen("logistic", "sgd_short").schedule == "cosine"


def test_of_trials_that_miss_the_one_that_ended_best_is_chosen(small, tmp_path):
    store = Store(tmp_path)
    finish_ready(small, store, lambda trial: [0.5, 0.6 - abs(trial.config.lr - 0.1)])
    main = Plan(small, store).workloads[0]
    store.add("target", target_key(main, small), workload=main.name, value=0.9)
    assert Plan(small, store).chosen("logistic", "sgd").lr == pytest.approx(0.1)


def test_a_diverged_trial_is_chosen_last(small, tmp_path):
    store = Store(tmp_path)
    finish_ready(small, store, lambda trial: [0.5, None] if trial.config.lr > 0.05 else [0.3, 0.3])
    main = Plan(small, store).workloads[0]
    store.add("target", target_key(main, small), workload=main.name, value=0.9)
    assert Plan(small, store).chosen("logistic", "sgd").lr < 0.05


def test_reported_trials_have_other_seeds_than_tuning(tmp_path):
    seeds = {"tuning": set(), "reported": set()}
    for trial in Plan(SMALL, Store(tmp_path)).trials():
        seeds.setdefault(trial.phase, set()).add(trial.seed)
    assert seeds["tuning"] == {0}
    assert seeds["reported"] == {1, 2}


# ------------------------------------------------------------------- the real one


@pytest.mark.parametrize("protocol", [FULL, QUICK], ids=["full", "quick"])
def test_every_side_of_a_workload_has_the_same_number_of_tuning_trials(protocol, tmp_path):
    counts = {}
    for trial in Plan(protocol, Store(tmp_path)).trials():
        if trial.phase in ("tuning", "target") and trial.seed == 0:
            key = trial.workload.name, trial.technique
            counts[key] = counts.get(key, 0) + 1
    assert set(counts.values()) == {protocol.tuning_trials}
    tuned = {name for name in protocol.techniques if TECHNIQUES[name].tuned}
    assert {technique for _, technique in counts} == tuned


def test_the_full_study_keeps_what_is_asked_of_it(tmp_path):
    from swiftopt.study._costs import Costs

    plan = Plan(FULL, Store(tmp_path))
    trials = plan.trials()
    assert FULL.seeds >= 5
    assert len(plan.workloads) >= 5
    assert {t.workload.name for t in trials if t.phase == "held out"} == {
        f"{name}-held-out" for name in WORKLOADS
    }
    costs = Costs(Store(tmp_path))
    assert costs.seconds(trials) < 6 * 3600
    assert max(costs.of(trial) for trial in trials) <= 90


def test_partners_come_first_and_changes_are_changes():
    seen = set()
    for name, technique in TECHNIQUES.items():
        assert technique.partner is None or technique.partner in seen
        seen.add(name)
        for claim in technique.claims:
            assert claim.against is None or claim.against in TECHNIQUES


def test_every_technique_applies_somewhere():
    rows = {row.name for main in FULL.main_workloads() for row in FULL.rows(main)}
    assert rows == set(TECHNIQUES)


def test_what_a_workload_lacks_is_left_out():
    transformer = WORKLOADS["transformer"](False)
    assert not TECHNIQUES["batch_norm"].applies_to(transformer)
    assert not TECHNIQUES["residual_57"].applies_to(transformer)
    assert TECHNIQUES["bfloat16"].applies_to(transformer)
    together = TECHNIQUES["all"].changed(Config(optimizer="AdamW"), transformer)
    assert together.dtype == "bfloat16"
    assert not together.batch_norm
    assert together.feed == "naive"


def test_rates_scale_with_the_root_of_the_batch():
    mlp = WORKLOADS["mlp"](False)
    base = Config(optimizer="AdamW", lr=1e-3)
    assert TECHNIQUES["batch_1024"].changed(base, mlp).lr == pytest.approx(2.83e-3)
    assert TECHNIQUES["accumulate"].changed(base, mlp).lr == 2e-3


def test_a_protocol_needs_partners_and_setters():
    with pytest.raises(ValueError, match="must have momentum, sgd_tuned"):
        Protocol(techniques=("sgd_naive",))
    with pytest.raises(ValueError, match="cosine is compared with adamw"):
        Protocol(techniques=("sgd_naive", "sgd", *SETTERS, "cosine"))
