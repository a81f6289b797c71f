"""Write what the benchmarks of data feeding measured into the documentation.

``python -m benchmarks --only 'data-*'``, then ``python scripts/measured_data.py`` takes the medians
from build/bench.json (or the files that are given, if cases were run one by one) into
docs/plots/data.json, fills the marked parts of docs/data.md and README.md, and has
docs/plots/data_wait.py draw its picture. No figure of data feeding is typed by hand;
python/tests/test_data_docs.py holds pages and numbers together.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = ROOT / "docs" / "plots" / "data.json"
PAGES = (ROOT / "docs" / "data.md", ROOT / "README.md")
OURS = "swiftopt"
IMAGES = 60_000
SHARD_BYTES = 2e9

_NETWORKS = ("cnn", "mlp")
_WAIT_SECONDS = "seconds of an epoch spent waiting for data"
_SHARE = "share of the time spent waiting for data"
_READY = "batches that are there"
_NAIVE = "NumPy, image by image"
_TITLES = {"cnn": "separable CNN", "mlp": "perceptron"}


# ------------------------------------------------------------------ the numbers


def numbers(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Take what the pages need from the JSON of runs on one machine."""
    cases = {
        case["case"]: case
        for run in runs
        for case in run["cases"]
        if case["case"].startswith("data-")
    }
    machines = [run["machine"] for run in runs]
    facts = ("cpu", "processors", "torch", "swiftopt's level")
    return {
        "machine": {name: machines[0][name] for name in facts},
        "load": max((float(each["load average at the start"]) for each in machines), default=0.0),
        "rounds": {name: case["rounds"] for name, case in cases.items()},
        "disturbances": {
            name: case["disturbances"] for name, case in cases.items() if case["disturbances"]
        },
        "wrong": [
            f"{name}: {contender}"
            for name, case in cases.items()
            for contender, found in case["contenders"].items()
            if not found["check"]["passed"]
        ],
        "augment": _seconds(cases.get("data-augment-28")),
        "shards": _seconds(cases.get("data-shards-2gb")),
        "memory": {
            name: {measure: value["median"] for measure, value in found["measures"].items()}
            for name, found in cases.get("data-memory", {"contenders": {}})["contenders"].items()
        },
        "waits": {
            network: [
                {
                    "name": name,
                    "ready": name == _READY,
                    "epoch_seconds": found["seconds"]["median"],
                    "wait_seconds": found["measures"][_WAIT_SECONDS]["median"],
                    "wait_share": found["measures"][_SHARE]["median"],
                }
                for name, found in cases[f"data-wait-{network}"]["contenders"].items()
            ]
            for network in _NETWORKS
            if f"data-wait-{network}" in cases
        },
    }


def _seconds(case: dict[str, Any] | None) -> dict[str, float]:
    contenders = case["contenders"] if case else {}
    return {name: found["seconds"]["median"] for name, found in contenders.items()}


# -------------------------------------------------------------------- the pages


def sections(found: dict[str, Any]) -> dict[str, str]:
    """Return the text of each marked part."""
    return {
        "where": _where(found),
        "speed": _speed(found),
        "shards": _shards(found),
        "memory": _memory(found),
        "waits": _waits(found),
        "summary": _summary(found),
    }


_NOT_YET = "Not measured yet: `python -m benchmarks --only 'data-*'`, `scripts/measured_data.py`."


def _where(found: dict[str, Any]) -> str:
    machine, rounds = found["machine"], sorted(set(found["rounds"].values()))
    if not rounds:
        return _NOT_YET
    exceptions = f"all but {', '.join(found['wrong'])}" if found["wrong"] else "all"
    text = (
        f"{machine['cpu']}, {machine['processors']} processors, two threads for everyone,"
        f" load of at most {found['load']:.2f} before; torch {machine['torch']}; medians of"
        f" {' or '.join(map(str, rounds))} interleaved rounds in one process. Results were checked"
        f" in the same run, and {exceptions} were right."
    )
    for case, reasons in found["disturbances"].items():
        text += f" Disturbed: `{case}` ({'; '.join(reasons)})."
    return text


def _rounded(value: float) -> str:
    """Write a large number with three digits that count."""
    return f"{float(f'{value:.3g}'):,.0f}".replace(",", " ")


def _percent(share: float, digits: int) -> str:
    return f"{100 * share:.{digits}f} %"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(headings: list[str], rows: list[list[str]]) -> str:
    rules = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(_row(*cells) for cells in (headings, rules, *rows))


def _speed(found: dict[str, Any]) -> str:
    seconds = found["augment"]
    if OURS not in seconds:
        return _NOT_YET
    rows = [
        [name, _rounded(IMAGES / time), f"{time / seconds[OURS]:.3g}"]
        for name, time in sorted(seconds.items(), key=lambda item: item[1])
    ]
    return _table(["feed", "images a second", "times swiftopt's time"], rows)


def _shards(found: dict[str, Any]) -> str:
    seconds = found["shards"]
    if OURS not in seconds:
        return _NOT_YET
    cat = next(time for name, time in seconds.items() if name.startswith("cat"))
    rows = [
        [name, f"{SHARD_BYTES / time / 1e9:.2f}", f"{cat / time:.2f}"]
        for name, time in sorted(seconds.items(), key=lambda item: item[1])
    ]
    return _table(["2 GB in the page cache, by", "GB a second", "speed over `cat`'s"], rows)


def _memory(found: dict[str, Any]) -> str:
    if OURS not in found["memory"]:
        return _NOT_YET
    rows = [
        [
            name,
            f"{measures['growth (MB)']:.1f} MB",
            f"{measures['cache, ring and 256 kB (MB)']:.1f} MB",
            _percent(measures["share of samples from the cache"], 1),
        ]
        for name, measures in found["memory"].items()
    ]
    return _table(
        ["loader of 400 MB", "grew by", "at most: cache, ring, 256 kB", "samples from the cache"],
        rows,
    )


def _waits(found: dict[str, Any]) -> str:
    if not found["waits"]:
        return _NOT_YET
    parts = ["![Where the time of an epoch goes](plots/data-wait.png)"]
    for network, rows in found["waits"].items():
        least = next(row["epoch_seconds"] for row in rows if row["ready"])
        table = [
            [
                row["name"],
                f"{row['epoch_seconds']:.3g} s",
                f"{row['wait_seconds']:.3g} s",
                _percent(row["wait_share"], 2),
                f"{row['epoch_seconds'] / least:.2f}",
            ]
            for row in rows
        ]
        headings = [
            f"{_TITLES[network]}, fed by",
            "epoch",
            "of it waiting",
            "share",
            "over no feeding",
        ]
        parts.append(_table(headings, table))
    parts.append(
        "Optimizing the data pipeline alone, it is often said, cuts idle time by 20 to 30 %."
        " Measured for `so.data.Loader`: "
        + "; ".join(_claim(network, rows) for network, rows in found["waits"].items())
        + "."
    )
    return "\n\n".join(parts)


def _claim(network: str, rows: list[dict[str, Any]]) -> str:
    """Compare with the loop that is written first, and with the faster DataLoader."""
    ours = next(row for row in rows if row["name"] == OURS)
    loaders = [row for row in rows if row["name"].startswith("torch DataLoader")]
    naive = [row for row in rows if row["name"] == _NAIVE]
    compared = naive + sorted(loaders, key=lambda row: float(row["epoch_seconds"]))[:1]
    changes = [
        f"{_percent(1 - ours['wait_seconds'] / row['wait_seconds'], 1)} less waiting and"
        f" {_percent(1 - ours['epoch_seconds'] / row['epoch_seconds'], 1)} less time than with"
        f" {row['name']}"
        for row in compared
    ]
    return f"for the {_TITLES[network]}, {', and '.join(changes)}"


def _summary(found: dict[str, Any]) -> str:
    """Return the paragraph of README.md."""
    seconds, waits = found["augment"], found["waits"]
    if OURS not in seconds or set(waits) != set(_NETWORKS):
        return _NOT_YET
    others = []
    for what, kind in (
        ("torch's DataLoader", "torch DataLoader"),
        ("torch's batched indexing", "torch batched"),
        ("the fastest NumPy loop", "NumPy"),
    ):
        times = [time for name, time in seconds.items() if name.startswith(kind)]
        others += [f"{what} {_rounded(IMAGES / min(times))}"] if times else []
    shares = " and ".join(
        f"{_percent(row['wait_share'], 2)} of the time with the {_TITLES[network]}"
        for network in _NETWORKS
        for row in waits[network]
        if row["name"] == OURS
    )
    return (
        f"`so.data.Loader` makes {_rounded(IMAGES / seconds[OURS])} images of 28 x 28 in a second,"
        f" shuffled, cropped, mirrored and normalised from uint8 to float32 ({', '.join(others)})."
        f" A training in bfloat16 waits for them {shares}."
    )


def filled(page: str, texts: dict[str, str]) -> str:
    """Return the page with its marked parts replaced."""

    def replaced(match: re.Match[str]) -> str:
        return f"<!-- measured: {match[1]} -->\n{texts[match[1]]}\n<!-- end -->"

    return re.sub(r"<!-- measured: (\w+) -->\n.*?<!-- end -->", replaced, page, flags=re.DOTALL)


def main() -> None:
    """Rewrite numbers, pages and picture."""
    paths = [Path(name) for name in sys.argv[1:]] or [ROOT / "build" / "bench.json"]
    found = numbers([json.loads(path.read_text()) for path in paths])
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")
    texts = sections(found)
    for page in PAGES:
        page.write_text(filled(page.read_text(), texts))
    if found["waits"]:
        script = ROOT / "docs" / "plots" / "data_wait.py"
        subprocess.run([sys.executable, script], check=True)
    for text in texts.values():
        print(f"\n{text}")


if __name__ == "__main__":
    main()
