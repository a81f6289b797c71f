"""docs/study.md, generated around the numbers."""

from __future__ import annotations

from typing import Any

from swiftopt.study._markdown import markdown
from swiftopt.study._pictures import PICTURES
from swiftopt.study._reasons import reason
from swiftopt.study._setup_tables import choices, spaces, techniques, workloads
from swiftopt.study._tables import Table, all_tables, raw
from swiftopt.study._verdicts import RULE

_HEAD = """# The technique study

Articles promise much of optimizers, schedules, norms and half precision. This study measures what
each of them buys on a machine like yours, under a protocol that the field trusts, and shows wins
and losses alike. This page is generated from [results.json](study/results.json), which has all
numbers of it; [study.html](study/study.html) is the same as one file.
"""

_PROTOCOL = """## Protocol

**Two measurements, kept apart.** A *trial* is one training from one seed: its curve over steps
has the same bits on a busy machine and on a quiet one, for any number of threads. Its *steps to
the target* are those until an evaluation on the validation split first reaches the target.
*Seconds per step* are measured by themselves, with nothing beside them, {rounds} times for each
configuration, interleaved in an order that is shuffled each time; waiting for data counts,
evaluation doesn't. *Time to the target* is the product. This follows AlgoPerf [1]: time to a
fixed validation result on fixed hardware, evaluation untimed. Unlike there, no training is timed
as a whole.

**The target** of each workload is fixed beforehand and written down: the best value on the
validation split that tuned SGD with momentum reached with every one of {seeds} seeds, both with a
constant learning rate and with a cosine schedule (each at the rate that ended best). So tuned
SGD, at the rates that ended best, is sure to reach it; nothing else is. The test split decides
nothing; it is what accuracies are reported on.

**Two baselines.** *Plain SGD* is what people write first: learning rate 0.01, no momentum, no
schedule; it gets three times as long as the others before it counts as a miss, and its accuracy
is that at the end of all this. *Tuned SGD* has momentum 0.9, a cosine schedule and the same number
of tuning trials as everybody else. A gain over the first alone may be no more than one over not
having tuned: rankings of optimizers follow from how they were tuned (Choi et al. [3]). What is
described as an addition (a norm, dropout, a warm-up, half precision) is measured against AdamW
without it, even where it is promised against plain SGD: else it would be AdamW's gain that is
seen.

**Tuning.** Every tuned technique gets {trials} trials on each workload, with a seed that isn't
reported, at the points of a Halton sequence in a space that was written down before: three
decades of learning rates around what its paper or the usual library recommends, everything else
at its default. The cost of tuning is thus the same for all sides, and small, which is to say that
techniques are compared as they are found in practice (Sivaprasad et al. [4]), not at their best.
The trial that reached the target in the fewest samples is chosen (if none did, the one that ended
best). Techniques that aren't marked as tuned take their partner's numbers as they are (where the
batch changes, the rate goes with its square root), which sooner makes them look worse than
better. Where the length is chosen, for SGD and for all together alike, as many trials search the
share of the budget that the schedule ends at too; those of the whole length take part; and the
best three are tried again with two further seeds, since a run that just reaches the target may
just miss it.

**What was changed on the way.** The rules stood in the code before the trials that count, but not
before the first ones: a pilot of some hundred trials, none of which counts, showed runs that were
too long for the machine, so that those of the convolutional network, the LSTM and the transformer
were shortened, and dropout slowing text that is seen once, so that “all together” has none there.
When half of the tuning was done, and of what is reported some trials of plain SGD, a review found
that a chosen length could not be the whole one; that was mended, and the runs of the convolutional
network were cut from 320 to 240 steps for time. Before any comparison was looked at, it also
changed how misses and intervals are counted, gave SGD its momentum in AdamW's promise, and added
the promise of shorter runs. Times were taken twice on five workloads, since the first time left
out cells that share a target's trials; all of theirs are those of the second. The held-out
variants are the check of such choices.

**Reported** are medians over {seeds} further seeds with {coverage:.0f} % percentile bootstrap
intervals (Efron [8]; {resamples} resamples): intervals for few runs, as Agarwal et al. [7] advise,
but of medians rather than their interquartile means. A time's interval draws seeds and
measurements of seconds each by themselves; where both sides took the same measurement, it
cancels. With {seeds} seeds an interval of one median is about the range; what else the tuning
might have chosen isn't in them; and they aren't widened for the number of comparisons, so that of
many that show no effect some will seem to. A trial that doesn't reach the target is a miss: it
counts with the length of its whole run, a median that is a miss is shown as a bound, and an
interval that a miss may lie in is open. Beside each speed-up stands the change of the test
accuracy at the end, in percentage points; a training that diverged counts with 0 %.

**Held out.** Each workload has a variant (other data, and another width where there is one) on
which no choice was made: it takes the configurations that were chosen on the workload, and its own
target. Test images are the same ones. The baselines, Adam, AdamW, and what most is promised of are
run on it, as the table of techniques says; so a promise is judged on up to twice as many problems
as there are workloads.

**Workloads** are small, as in DeepOBS [2], so that thousands of trials fit into hours on two
cores. What holds here needn't hold at a thousand times the size. Where the lowest or the highest
rate that was tried was chosen (†), a wider search might do better: the LSTM's SGD is such a case.
One seed of tuned SGD hardly learned on the transformer, and the target is what all seeds reached,
so it is an easy one there; the held-out variant's is not. Three of four flights are on time, which
is where accuracy begins there. Schmidt et al. [5] found no optimizer that clearly dominates, and
that trying several at their defaults is about as good as tuning one; the tables are to be read
with that in mind.

**Verdicts.** {rule} The reasons beside the verdicts were written from the literature, not from
these results.

**Pictures.** A performance profile (Dolan and Moré [6]) shows on which share of the workloads a
technique is within a factor of the fastest one.
"""

_AGAIN = """## Run it again

    python -m pip install 'swiftopt[study]'
    sudo apt-get install dataset-fashion-mnist bible-kjv-text

    python -m swiftopt.study run build/quick --quick     # minutes: two workloads
    python -m swiftopt.study plan build/study            # what is left
    python -m swiftopt.study run build/study             # hours
    python -m swiftopt.study report build/study          # this page, from what is there

`run` may be stopped at any time and goes on where it was. With `--jobs` trials run side by side,
to the same bits; `--only timings` measures the times alone, for which the machine should be quiet.
Another machine gives other seconds; one with another instruction level may give other steps.
"""

#: In the order of their numbers.
REFERENCES = (
    "Dahl et al. 2023, “Benchmarking Neural Network Training Algorithms” (AlgoPerf), "
    "arXiv 2306.07179",
    "Schneider, Balles and Hennig 2019, “DeepOBS: A Deep Learning Optimizer Benchmark Suite”, "
    "arXiv 1903.05499",
    "Choi et al. 2019, “On Empirical Comparisons of Optimizers for Deep Learning”, "
    "arXiv 1910.05446",
    "Sivaprasad et al. 2020, “Optimizer Benchmarking Needs to Account for Hyperparameter Tuning”, "
    "arXiv 1910.11758",
    "Schmidt, Schneider and Hennig 2021, “Descending through a Crowded Valley - Benchmarking Deep "
    "Learning Optimizers”, arXiv 2007.01547",
    "Dolan and Moré 2002, “Benchmarking optimization software with performance profiles”, "
    "Mathematical Programming 91",
    "Agarwal et al. 2021, “Deep Reinforcement Learning at the Edge of the Statistical Precipice”, "
    "arXiv 2108.13264",
    "Efron 1979, “Bootstrap Methods: Another Look at the Jackknife”, The Annals of Statistics 7",
)


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
    )


def again_text() -> str:
    """Return how to run the study."""
    return _AGAIN


def setup(results: dict[str, Any]) -> list[Table]:
    """Return the tables of what was run."""
    return [workloads(results), techniques(results), spaces(results), choices(results)]


def conditions(results: dict[str, Any]) -> str:
    """Return what the times were measured on, and how quiet it was."""
    counts, protocol, machine = results["counts"], results["protocol"], results["machine"]
    lines = [
        f"{counts['trials']} trials took {counts['trial_seconds'] / 3600:.1f} hours of the "
        "processes that ran them."
    ]
    if protocol["budget"] != 1:
        lines.append(f"A small study: runs have {protocol['budget']:g} of the usual length.")
    if counts["timed_cells"]:
        lines.append(
            f"Times: {machine['processor']}, {machine['threads']} threads, level "
            f"{machine['level']}, swiftopt {machine['swiftopt']}."
        )
    loads = [cell["load"] for cell in results["cells"] if cell["load"] is not None]
    if loads:
        lines.append(f"Load average before the measurements: {max(loads):.1f}.")
    return " ".join(lines)


def what_is_lacking(results: dict[str, Any]) -> str:
    """Return a warning before the results of a study that isn't complete, or nothing."""
    counts = results["counts"]
    if counts["timed_cells"] == counts["planned_cells"]:
        return ""
    return (
        f"**Incomplete**: {counts['trials']} of {counts['planned_trials']} trials are done, and "
        f"{counts['timed_cells']} of {counts['planned_cells']} cells of the tables have their "
        "times. Promises are judged when all that they need is there."
    )


def sentences(results: dict[str, Any]) -> list[str]:
    """Return the verdict on each technique that something is promised of, and a reason."""
    return [
        f"**{technique['title']}**: {technique['verdict']}. {technique['sentence']} "
        f"*Why*: {reason(technique['name'])}"
        for technique in results["techniques"]
        if technique["claims"]
    ]


def document(results: dict[str, Any]) -> str:
    """Return the page."""
    final, *rest = all_tables(results)
    parts = [
        _HEAD,
        *filter(None, [what_is_lacking(results)]),
        markdown(final),
        "\n".join(f"- {sentence}" for sentence in sentences(results)),
        *(
            f"![{picture.title}](study/{name})\n\n**{picture.title}.** {picture.about}"
            for name, picture in PICTURES.items()
        ),
        *map(markdown, rest),
        protocol_text(results),
        *map(markdown, setup(results)),
        "## Everything that was measured",
        conditions(results),
        *(markdown(table, level=3) for table in raw(results)),
        _AGAIN,
        "## References",
        "\n".join(f"{number}. {text}" for number, text in enumerate(REFERENCES, start=1)),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
