"""The instruction levels by name, here and on emulated processors (make test-emulated)."""

import os

import pytest

from swiftopt import _core

SUPPORTED = [_core.level_supported(name) for name in _core.level_names()]


def test_levels_build_on_each_other():
    assert _core.level_names() == ("baseline", "avx2", "avx512")
    assert SUPPORTED[0]
    assert sorted(SUPPORTED, reverse=True) == SUPPORTED


@pytest.mark.parametrize("name", _core.level_names())
def test_a_level_is_selected_or_refused(name):
    before = _core.level()
    if _core.level_supported(name):
        _core.select_level(name)
        assert _core.level() == name
    else:
        with pytest.raises(RuntimeError, match=f"'{name}' is not supported by this machine"):
            _core.select_level(name)
        assert _core.level() == before


@pytest.mark.skipif(
    "SWIFTOPT_TEST_LEVEL" not in os.environ, reason="only make test-emulated knows what to expect"
)
def test_the_emulated_processor_gets_its_level():
    _core.select_level(None)
    assert _core.level() == os.environ["SWIFTOPT_TEST_LEVEL"]
