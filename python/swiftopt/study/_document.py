"""docs/study.md, generated around the numbers."""

from __future__ import annotations

from typing import Any

from swiftopt.study._markdown import markdown
from swiftopt.study._search import HORIZON, LEARNING_RATES
from swiftopt.study._tables import Table, all_tables, raw
from swiftopt.study._verdicts import RULE

_HEAD = """# The technique study

Articles promise much of optimizers, schedules, norms and half precision. This study measures what
each of them buys on a machine like yours, under a protocol that the field trusts, and shows wins
and losses alike. One command runs it again:

    python -m swiftopt.study run build/study             # some hours, whenever you like, resumable
    python -m swiftopt.study run build/quick --quick     # minutes
    python -m swiftopt.study report build/study

This page is generated from [results.json](study/results.json), which has all numbers.
"""

_PROTOCOL = """## Protocol

**Two measurements, kept apart.** A *trial* is one training from one seed: its curve over steps
has the same bits on a busy machine and on a quiet one, for any number of threads. Its *steps to
the target* are those until an evaluation on the validation split first reaches the target.
*Seconds per step* are measured by themselves, on a quiet machine, {rounds} times for each
configuration, interleaved in an order that is shuffled each time; waiting for data counts,
evaluation doesn't. *Time to the target* is the product. This follows AlgoPerf [1] (time to a
fixed validation result, untimed evaluation), which also says why a single final number won't do.

**The target** of each workload is fixed beforehand and written down: the best value on the
validation split that tuned SGD with momentum reached with every one of {seeds} seeds, both with a
constant learning rate and with a cosine schedule (each at the rate that ended best). The test
split decides nothing; it is what accuracies are reported on.

**Two baselines.** *Plain SGD* is what people write first: learning rate 0.01, no momentum, no
schedule; it gets three times as long as the others before it counts as a miss. *Tuned SGD* has
momentum 0.9, a cosine schedule and the same number of tuning trials as everybody else. A gain
over the first alone is one over not having tuned (Choi et al. [3]).

**Tuning.** Every tuned technique gets {trials} trials on each workload, with a seed that isn't
reported, at the points of a Halton sequence in a space that was written down before: three
decades of learning rates around what its paper or the usual library recommends, everything else
at its default. With few trials that is the best use of them (Sivaprasad et al. [4]). The trial
that reached the target in the fewest samples is chosen (if none did, the one that ended best).
Techniques that aren't marked as tuned take their partner's numbers as they are, which can only
make them look worse. Where "the length is chosen", the share of the budget that the schedule ends
at is searched too (and the best three tried again with two further seeds, since a run that just
reaches the target may just miss it), for SGD and for all together alike, in as many trials.

{spaces}

**Reported** are medians over {seeds} further seeds with {coverage:.0f} % percentile bootstrap
intervals ({resamples} resamples; with so few seeds, they are little more than the range). A trial
that doesn't reach the target is a miss: it counts with the length of its whole run, and a median
that is a miss is shown as a bound. Beside each speed-up stands the change of the test accuracy at
the end, in percentage points.

**Held out.** Each workload has a variant (other data, another width) on which no choice was made:
it takes the configurations that were chosen on the workload, and its own target.

**Workloads** are small, as in DeepOBS [2], so that thousands of trials fit into hours on two
cores. What holds here needn't hold at a thousand times the size. Schmidt et al. [5] found no
optimizer that dominates, and defaults of several to be about as good as tuning one; the tables
below are to be read with that in mind.

**Verdicts.** {rule}
"""

_REFERENCES = """## References

1. Dahl et al. 2023, "Benchmarking Neural Network Training Algorithms" (AlgoPerf), arXiv
   2306.07179
2. Schneider, Balles and Hennig 2019, "DeepOBS: A Deep Learning Optimizer Benchmark Suite", arXiv
   1903.05499
3. Choi et al. 2019, "On Empirical Comparisons of Optimizers for Deep Learning", arXiv 1910.05446
4. Sivaprasad et al. 2020, "Optimizer Benchmarking Needs to Account for Hyperparameter Tuning",
   arXiv 1910.11758
5. Schmidt, Schneider and Hennig 2021, "Descending through a Crowded Valley", arXiv 2007.01547
6. Dolan and Moré 2002, "Benchmarking optimization software with performance profiles", Math.
   Program. 91
"""


def protocol_text(results: dict[str, Any]) -> str:
    """Return the protocol in words, with the numbers of this study."""
    protocol = results["protocol"]
    return _PROTOCOL.format(
        rounds=protocol["timing_rounds"],
        seeds=protocol["seeds"],
        trials=protocol["tuning_trials"],
        coverage=100 * protocol["coverage"],
        resamples=protocol["resamples"],
        rule=RULE,
        spaces=markdown(spaces(), level=3),
    )


def spaces() -> Table:
    """Return the search spaces."""
    rows = [
        [name, f"{space[0].low:.3g} to {space[0].high:.3g}"]
        for name, space in LEARNING_RATES.items()
    ]
    length = ["length, where chosen", f"{HORIZON.low:g} to {HORIZON.high:g} of the budget"]
    return Table(
        "Search spaces",
        "All evenly on a logarithmic scale.",
        ["optimizer", "learning rate"],
        [*rows, length],
    )


def conditions(results: dict[str, Any]) -> str:
    """Return what the times were measured on, and how quiet it was."""
    counts = results["counts"]
    lines = [f"{counts['trials']} trials took {counts['trial_seconds'] / 3600:.1f} hours."]
    for machine in results["machines"]:
        lines.append(
            f"Times: {machine['processor']}, {machine['threads']} threads, level "
            f"{machine['level']}, swiftopt {machine['swiftopt']}."
        )
    loads = [cell["load"] for cell in results["cells"] if cell["load"] is not None]
    if loads:
        lines.append(f"Load average when a measurement began: at most {max(loads):.1f}.")
    return " ".join(lines)


def sentences(results: dict[str, Any]) -> list[str]:
    """Return the verdict on each technique that something is promised of."""
    return [
        f"**{technique['title']}**: {technique['verdict']}. {technique['sentence']}"
        for technique in results["techniques"]
        if technique["claims"]
    ]


def document(results: dict[str, Any], pictures: dict[str, str]) -> str:
    """Return the page; `pictures` are titles by file name."""
    final, *rest = all_tables(results)
    parts = [
        _HEAD,
        markdown(final),
        "\n".join(f"- {sentence}" for sentence in sentences(results)),
        *(f"![{title}](study/{name})" for name, title in pictures.items()),
        *map(markdown, rest),
        protocol_text(results).rstrip(),
        "## Everything that was measured",
        conditions(results),
        *(markdown(table, level=3) for table in raw(results)),
        _REFERENCES,
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
