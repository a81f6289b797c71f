"""Store: records survive kills, and nothing else passes for one."""

import pytest

from swiftopt.study import StudyError
from swiftopt.study._store import Store


def test_records_come_back(tmp_path):
    store = Store(tmp_path / "new")
    written = store.add("trial", "k1", result={"x": [1.5, None]})
    store.add("timing", "k1", seconds=2)
    again = Store(tmp_path / "new")
    assert again.get("trial", "k1") == written
    assert again.get("trial", "k2") is None
    assert [record["seconds"] for record in again.all("timing")] == [2]


@pytest.mark.parametrize("kept", [1, 9, 20, 30])
def test_a_record_that_a_kill_cut_off_is_left_out(tmp_path, kept):
    store = Store(tmp_path)
    store.add("trial", "whole", seed=1)
    store.add("trial", "cut", seed=2)
    first, second = store.path.read_bytes().splitlines(keepends=True)
    assert kept < len(second)
    store.path.write_bytes(first + second[:kept])
    resumed = Store(tmp_path)
    assert [record["key"] for record in resumed.all("trial")] == ["whole"]
    resumed.add("trial", "cut", seed=2)
    resumed.add("trial", "next", seed=3)
    assert [record["key"] for record in Store(tmp_path).all("trial")] == ["whole", "cut", "next"]


def test_numbers_that_json_lacks_are_refused_before_anything_is_written(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.add("trial", "k", loss=float("nan"))
    assert not store.path.exists()


def test_another_file_is_no_store(tmp_path):
    (tmp_path / "results.jsonl").write_text('{"kind": "trial", "key": "k"}\nhello\n')
    with pytest.raises(StudyError, match="line 2 is no record"):
        Store(tmp_path)


def test_one_run_at_a_time(tmp_path):
    first, second = Store(tmp_path), Store(tmp_path)
    entered = []
    with (
        first.locked(),
        pytest.raises(StudyError, match="another run is writing"),
        second.locked(),
    ):
        entered.append("both")
    with second.locked():
        entered.append("second")
    assert entered == ["second"]


def test_reading_creates_nothing(tmp_path):
    Store(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []
