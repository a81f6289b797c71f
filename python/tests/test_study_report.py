"""The report, from numbers that were made up."""

import html.parser
import json
import re

import pytest

from swiftopt.study import _html, _markdown, _pictures, _report, _setup_tables
from swiftopt.study._config import Config
from swiftopt.study._document import REFERENCES, what_is_lacking
from swiftopt.study._reasons import REASONS
from swiftopt.study._table import DRAWN, TECHNIQUES
from swiftopt.study._tables import Table, number, totals


def comparison(value, bound=""):
    return {"value": value, "low": 0.9 * value, "high": 1.1 * value, "bound": bound}


def results():
    """A study of two workloads, one with a variant, in the form that `analyse` gives."""
    names = [*DRAWN, "adam"]
    workloads = [
        {"name": "mlp", "title": "perceptron <two & wide>", "variant_of": None,
         "metric": "accuracy", "target": 0.85, "batch_size": 128, "budget": 100, "every": 10},
        {"name": "mlp-held-out", "title": "perceptron, three", "variant_of": "mlp",
         "metric": "accuracy", "target": 0.84, "batch_size": 128, "budget": 100, "every": 10},
        {"name": "lstm", "title": "letters", "variant_of": None,
         "metric": "loss", "target": None, "batch_size": 32, "budget": 100, "every": 10},
    ]  # fmt: skip
    cells = [
        {
            "workload": workload["name"], "technique": name, "config": {}, "batch_size": 128,
            "limit": 100, "steps": [10, None, 30], "run_steps": [100] * 3,
            "test_accuracy": [90.0, 91.0, 89.5], "gap": [0.1] * 3, "hits": 2,
            "is_missed": name == "sgd_naive", "samples_to_target": [3840.0, 1280.0, 12800.0],
            "seconds_per_step": [0.002, 0.0019, 0.0022], "wait_share": 0.1,
            "time_to_target": [0.06, 0.02, 0.2], "load": 0.1,
            "curve": [[10, 1.0, 0.5], [20, 0.9, 0.6]],
        }
        for workload in workloads
        for name in names
    ]  # fmt: skip
    cells[1]["seconds_per_step"] = cells[1]["time_to_target"] = cells[1]["wait_share"] = None
    measured = {
        "time": comparison(1.3, ">"), "steps": comparison(1.5), "epoch": comparison(0.9),
        "run": None, "wait": None, "gap": comparison(0.2), "accuracy": comparison(0.7),
    }  # fmt: skip
    return {
        "form": 1,
        "protocol": {"tuning_trials": 8, "seeds": 3, "held_out": True, "budget": 1.0,
                     "timing_rounds": 5, "resamples": 2000, "coverage": 0.95},
        "machine": {"processor": "P", "threads": 2, "level": "avx2", "swiftopt": "0"},
        "workloads": workloads,
        "cells": cells,
        "comparisons": [
            {"workload": workload["name"], "technique": name, "against": against, **measured}
            for workload in workloads
            for name in names
            for against in (TECHNIQUES[name].partner, "sgd_naive")
        ],
        "techniques": [
            {
                "name": name, "title": TECHNIQUES[name].title, "partner": TECHNIQUES[name].partner,
                "changes": {}, "is_tuned": True, "is_held_out": True, "note": "",
                "verdict": "partly", "sentence": "Kept on 1 of 3.",
                "claims": [
                    {"measure": claim.measure, "text": claim.text, "low": 1.2, "high": None,
                     "against": claim.against or TECHNIQUES[name].partner, "verdict": "partly",
                     "kept": 1, "better": 1, "worse": 0, "workloads": 3}
                    for claim in TECHNIQUES[name].claims
                ],
            }
            for name in names
        ],
        "totals": [{"workloads": "all", "count": 2, "of": 3, "measure": "time",
                    "technique": "all_short", "against": "sgd_naive", "value": [2.4, 2.0, 3.0],
                    "accuracy": [0.4, -0.001, 0.5], "goal": 2.5, "reached": 2,
                    "other_reached": 1}],
        "profile": {name: [[1.0, 0.5], [2.0, 1.0]] for name in DRAWN},
        "counts": {"trials": 100, "planned_trials": 100, "cells": 21, "timed_cells": 20,
                   "planned_cells": 21, "trial_seconds": 7200},
    }  # fmt: skip


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return _report.write(results(), tmp_path_factory.mktemp("report"))


def test_everything_is_written(paths):
    assert {path.name for path in paths.values()} == {
        "study.md", "results.json", "study.html", "times.svg", "curves.svg", "profile.svg",
    }  # fmt: skip
    assert json.loads(paths["json"].read_text()) == results()


def test_the_final_table_has_promise_measurement_and_verdict(paths):
    text = paths["markdown"].read_text()
    row = next(line for line in text.splitlines() if "1.2-1.4× faster than plain SGD" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    # The variant of mlp stands after a slash; lstm has none.
    assert cells == [
        "Adam", "1.2-1.4× faster than plain SGD", "plain SGD, as first written",
        "**partly**, 1 of 3", ">1.30× (1.17-1.43), +0.70 pp / >1.30× (1.17-1.43), +0.70 pp",
        ">1.30× (1.17-1.43), +0.70 pp",
    ]  # fmt: skip


def test_misses_and_missing_times_show(paths):
    text = paths["markdown"].read_text()
    naive = next(line for line in text.splitlines() if "| 2 of 3 | >30 (10-100)" in line)
    assert ">0.06 s" in naive
    untimed = next(line for line in text.splitlines() if "| - | - | - | 90.0 %" in line)
    assert "SGD, momentum, cosine" in untimed


def test_what_is_promised_has_a_reason():
    """One for each technique with a claim, and none for others."""
    assert set(REASONS) == {name for name, t in TECHNIQUES.items() if t.claims}
    for found in REASONS.values():
        assert found.text.endswith(".")
        assert not found.source.endswith(".")


def test_reasons_stand_beside_the_verdicts(paths):
    line = "- **Adam**: partly. Kept on 1 of 3. *Why*: A rate of 0.01 without momentum moves"
    assert line in paths["markdown"].read_text()
    assert "<em>Why</em>: A rate of 0.01 without momentum moves" in paths["html"].read_text()


def test_what_was_run_is_told():
    config = Config(optimizer="AdamW", lr=0.002, horizon=0.5).to_json()
    study = results()
    study["cells"] = [{"workload": "mlp", "technique": "adamw", "config": config}]
    study["techniques"] = [t for t in study["techniques"] if t["name"] == "adamw"]
    (row,) = _setup_tables.choices(study).rows
    assert row == ["AdamW", "0.002, 0.5 of the budget", ""]  # the middle of the space
    study["protocol"]["tuning_trials"] = 1  # now it's the lowest, and the highest
    assert _setup_tables.choices(study).rows[0][1] == "0.002 †, 0.5 of the budget"
    assert _setup_tables.workloads(study).rows[1] == [
        "mlp-held-out", "perceptron, three", "accuracy", "at least 84.00 %", "128", "100", "10",
        "no, as mlp",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_the_document_cites_what_it_follows(paths, name):
    text = paths[name].read_text()
    papers = ("2306.07179", "1903.05499", "1910.05446", "1910.11758", "2007.01547", "2108.13264")
    for number_ in papers:
        assert number_ in text
    cited = {int(found) for found in re.findall(r"\[(\d+)\](?!\()", text)}
    assert cited == set(range(1, len(REFERENCES) + 1))


def test_the_document_shows_the_pictures(paths):
    text = paths["markdown"].read_text()
    for name in _pictures.PICTURES:
        assert f"(study/{name})" in text
    assert re.search(r"[{}]", text) is None  # every number was filled in


def test_tables_are_rectangular(paths):
    widths = set()
    for line in paths["markdown"].read_text().splitlines():
        if line.startswith("|"):
            widths.add(line.count("|") - line.count("\\|"))
        else:
            assert len(widths) <= 1
            widths.clear()


class Checker(html.parser.HTMLParser):
    """Collects what a browser would fetch, and checks that elements nest."""

    VOID = ("meta", "link", "br", "img", "input", "hr")

    def __init__(self):
        super().__init__()
        self.open, self.fetched = [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            is_inside = (value or "").startswith(("#", "data:"))
            if name in ("src", "href", "xlink:href") and not is_inside:
                self.fetched.append((tag, value))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else(paths):
    page = paths["html"].read_text()
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.fetched == []
    assert "url(http" not in page
    assert "<script" not in page
    assert page.count('<img alt="') == 3
    assert "perceptron &lt;two &amp; wide&gt;" in page


def test_the_same_numbers_give_the_same_files(paths, tmp_path):
    again = _report.write(results(), tmp_path)
    for name, path in paths.items():
        assert again[name].read_bytes() == path.read_bytes(), name


def test_a_study_that_has_just_begun_has_a_report_too(tmp_path):
    empty = results() | {"cells": [], "comparisons": [], "totals": [], "profile": {}}
    paths = _report.write(empty, tmp_path)
    assert "(Nothing yet.)" in paths["markdown"].read_text()


def test_numbers_in_words():
    assert number("time", comparison(12.0, ">")) == ">12× (11-13)"
    assert number("time", comparison(1.5) | {"low": 0.0, "high": None}) == "1.50× (0-∞)"
    assert number("accuracy", comparison(-0.5)) == "-0.50 (-0.45 to -0.55)"
    assert number("accuracy", comparison(-0.001)) == "+0.00 (+0.00 to +0.00)"
    assert number("gap", comparison(0.2)) == "20 % (18 to 22)"
    assert number("time", None) == "-"


def test_markdown_and_html_of_a_table():
    table = Table("A & B", "**All** of it.", ["x"], [["1 | 2"], ["<b>"]])
    assert "| 1 \\| 2 |" in _markdown.markdown(table)
    assert "<td>&lt;b&gt;</td>" in _html._table(table)
    assert "<strong>All</strong>" in _html._table(table)


def test_the_protocol_names_its_spaces():
    rows = _setup_tables.spaces(results()).rows
    assert [row[0] for row in rows][:2] == ["SGD", "Adam"]
    # Shares 1/16, 1/8, 1/4, 3/8, ... 7/8 of three decades around 0.1: halves, then eighths.
    assert rows[0][2] == "0.00487, 0.0075, 0.0178, 0.0422, 0.1, 0.237, 0.562, 1.33"


def test_totals_say_what_was_reached_and_what_was_wanted():
    study = results()
    (row,) = totals(study).rows
    assert row[4:] == ["2, 1", ">2.40× (2.00-3.00)", "at least 58 % less", "2.50×: **missed**",
                       "+0.40 (+0.00 to +0.50)"]  # fmt: skip
    study["totals"][0] |= {"reached": 1, "value": [0.8, 0.7, 3.0]}  # misses on both sides
    assert totals(study).rows[0][4:7] == ["1, 1", "0.80× (0.70-3.00)", "25 % more"]


def test_what_is_lacking_is_told_first(paths):
    words = "100 of 100 trials are done, and 20 of 21 cells"
    assert words in paths["markdown"].read_text()[:1000]
    assert words in paths["html"].read_text()
    study = results()
    study["counts"]["timed_cells"] = 21
    assert what_is_lacking(study) == ""
