"""The examples run as they stand, and the before/after pairs train the same model."""

import difflib
import re

import numpy as np
import pytest

from .example_scripts import EXAMPLES, load_module, run_script, write_data_set

# How many lines the change may take.
PAIRS = {"char_rnn": 5, "logistic_regression": 5, "autograd_mlp": 23}

# One rounding of a float64, relative to its value, is at most this.
UNIT_ROUNDOFF = 2.0**-53


def losses_of(module):
    return np.array(module.main())


# ------------------------------------------------------------- before and after


@pytest.mark.parametrize("pair", PAIRS)
def test_the_change_is_a_few_lines(pair):
    before, after = (
        (EXAMPLES / f"before_after/{pair}_{version}.py").read_text().splitlines()
        for version in ("before", "after")
    )
    changes = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    # A line replaced by another counts once, a line removed or added counts once.
    changed = sum(max(i2 - i1, j2 - j1) for kind, i1, i2, j1, j2 in changes if kind != "equal")
    assert 0 < changed <= PAIRS[pair]


def perturbed(initial_parameters):
    """The same initial parameters, each moved by one rounding up, down or not at all."""

    def with_noise(*arguments):
        parameters = initial_parameters(*arguments)
        rng = np.random.default_rng(3)
        for parameter in parameters:
            parameter *= 1 + 2 * UNIT_ROUNDOFF * rng.choice((-1, 0, 1), parameter.shape)
        return parameters

    return with_noise


def test_char_rnn_trains_the_same_model(monkeypatch):
    """The tolerance is what this very training makes of rounding.

    Training a recurrent network amplifies any difference. The amplification is measured with
    the script without swiftopt, started from parameters that differ by one rounding. Each
    update then rounds in about four places (square, sum, root, quotient) where the two scripts
    may differ, and in the worst case all of them are amplified alike and add up.
    """
    before, after = (
        load_module(f"before_after/char_rnn_{version}.py") for version in ("before", "after")
    )
    expected = losses_of(before)
    monkeypatch.setattr(before, "initial_parameters", perturbed(before.initial_parameters))
    amplified_rounding = np.max(abs(losses_of(before) - expected))
    tolerance = 4 * before.UPDATES * amplified_rounding

    assert expected[-50:].mean() < expected[0] / 10  # it has learnt
    assert tolerance < 1e-4  # else the comparison would mean nothing
    np.testing.assert_allclose(losses_of(after), expected, rtol=0, atol=tolerance)


def test_logistic_regression_trains_the_same_model():
    """The tolerance adds up the roundings of all updates, which a convex loss does not amplify.

    An update rounds in about sixteen places where the two scripts may differ (moments, their
    corrections, root, quotient, product and difference); each moves the loss by less than a
    rounding of the loss, whose gradient and whose learning rate are below 1.
    """
    before, after = (
        load_module(f"before_after/logistic_regression_{version}.py")
        for version in ("before", "after")
    )
    expected = losses_of(before)
    assert expected[-1] < expected[0] / 2
    tolerance = 16 * UNIT_ROUNDOFF * before.UPDATES
    np.testing.assert_allclose(losses_of(after), expected, rtol=tolerance, atol=0)


def test_autograd_mlp_trains_the_same_model(monkeypatch):
    """As for the recurrent network: the script itself tells how it amplifies a rounding.

    Products are summed up in another order: sums of up to 64 terms, three layers, forward and
    backward, and softmax, so about 64 * 8 roundings of each update may differ.
    """
    before, after = (
        load_module(f"before_after/autograd_mlp_{version}.py") for version in ("before", "after")
    )

    def moved(rng, initial_parameters=before.initial_parameters):
        flat = [array for pair in initial_parameters(rng) for array in pair]
        perturbed_arrays = perturbed(lambda: flat)()
        return list(zip(perturbed_arrays[::2], perturbed_arrays[1::2], strict=True))

    expected = losses_of(before)
    monkeypatch.setattr(before, "initial_parameters", moved)
    amplified_rounding = np.max(abs(losses_of(before) - expected))
    tolerance = 64 * 8 * before.UPDATES * amplified_rounding

    assert expected[-50:].mean() < expected[0] / 5  # it has learnt
    assert tolerance < 1e-4  # else the comparison would mean nothing
    np.testing.assert_allclose(losses_of(after), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("pair", "decimals"), [("char_rnn", 6), ("logistic_regression", 8), ("autograd_mlp", 8)]
)
def test_the_scripts_print_the_same(pair, decimals):
    """As printed the numbers agree to one unit of the last place.

    The differences that the tests above allow are far smaller: they can only tip a rounding.
    """
    printed = []
    for version in ("before", "after"):
        process = run_script(f"before_after/{pair}_{version}.py")
        assert process.returncode == 0, process.stderr
        printed.append([float(number) for number in re.findall(r"\d+\.\d+", process.stdout)])
    assert len(printed[0]) > 10
    np.testing.assert_allclose(printed[1], printed[0], rtol=0, atol=1.01 * 10.0**-decimals)


# ---------------------------------------------------------------- Fashion-MNIST


@pytest.fixture
def data_folder(tmp_path):
    write_data_set(tmp_path)
    return tmp_path


@pytest.fixture
def needs_demo_packages():
    pytest.importorskip("matplotlib")
    pytest.importorskip("tqdm")


def assert_is_the_demos_result(process, figure):
    """The demo's exit status says that the parameters stayed where they were and that the two
    AdamWs agree up to rounding; here, that it went through all its parts.
    """
    assert process.returncode == 0, process.stderr
    for title in (
        "AdamW, swiftopt",
        "SGD at",
        "AdamW, NumPy",
        "differ by at most",
        "Parameters in memory  after",
    ):
        assert title in process.stdout
    content = figure.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
    assert width > 1000
    assert height > 600


@pytest.mark.usefixtures("needs_demo_packages")
def test_demo_runs_on_made_up_data(data_folder, tmp_path):
    figure = tmp_path / "new folder" / "figure.png"
    process = run_script(
        "fashion_mnist_numpy.py", "--quick", "--output", figure, SWIFTOPT_DATA=str(data_folder)
    )
    assert_is_the_demos_result(process, figure)
    # Ten patterns that far apart are told apart by a network that has learnt anything.
    accuracy = float(re.search(r"AdamW, swiftopt +([\d.]+)%", process.stdout)[1])
    assert accuracy > 95


@pytest.mark.usefixtures("needs_demo_packages")
def test_demo_runs_on_fashion_mnist(tmp_path):
    process = run_script("fashion_mnist_numpy.py", "--quick", "--output", tmp_path / "figure.png")
    if "dataset-fashion-mnist" in process.stderr:
        pytest.skip("Fashion-MNIST is not on this machine")
    assert_is_the_demos_result(process, tmp_path / "figure.png")


@pytest.mark.usefixtures("needs_demo_packages")
def test_state_dtypes_runs_on_made_up_data(data_folder):
    process = run_script(
        "state_dtypes.py", "--quick", "--seeds", "1", SWIFTOPT_DATA=str(data_folder)
    )
    assert process.returncode == 0, process.stderr
    sizes = dict(re.findall(r"^(float32|bfloat16|block8) +([\d.]+) ", process.stdout, re.MULTILINE))
    # Two moments of 535 818 parameters, 4, 2 and 1 + 4 / 256 bytes each.
    assert sizes == {"float32": "4.3", "bfloat16": "2.1", "block8": "1.1"}


@pytest.mark.usefixtures("needs_demo_packages")
def test_mixed_precision_runs_on_made_up_data(data_folder):
    process = run_script("mixed_precision_numpy.py", "--quick", SWIFTOPT_DATA=str(data_folder))
    assert process.returncode == 0, process.stderr  # 1 if the bits differ after the kill
    printed = " ".join(process.stdout.split())
    # An element of the error at the logits is about 1 / 64 at first: 2**24 of them overflow.
    assert "The scale: 2^24, 2^23" in printed
    assert "accumulating, accumulating, accumulating, updated" in printed
    assert "the same bits as those of the training above" in printed
    # Per layer 784, 512 and 256 numbers of two bytes for each of 64 or 256 images.
    assert "take 0.20 MB instead of 0.79" in printed
    unmoved = re.search(r"leaves ([\d.]+)% of the float16 weights as they are", printed)
    assert float(unmoved[1]) > 50


@pytest.mark.usefixtures("needs_demo_packages")
def test_demo_says_where_the_data_set_comes_from(tmp_path):
    process = run_script("fashion_mnist_numpy.py", "--quick", SWIFTOPT_DATA=str(tmp_path))
    assert process.returncode == 1
    assert "no train-images-idx3-ubyte.gz" in process.stderr
    assert "dataset-fashion-mnist" in process.stderr
    assert "SWIFTOPT_DATA" in process.stderr
    assert "Traceback" not in process.stderr


def test_figure_smooths_with_a_moving_average():
    pytest.importorskip("matplotlib")
    smoothed = load_module("support/figure.py").moving_average([1.0, 3.0, 5.0, 10.0], 2)
    np.testing.assert_array_equal(smoothed, [1.0, 2.0, 4.0, 7.5])  # by hand
