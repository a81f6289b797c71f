"""The examples of swiftopt.nn run as they stand; their data are read and augmented as they say."""

import re
import struct

import pytest

from .example_scripts import load_module, run_script, write_data_set

LINE = b"Gn1:2 In a beginning, 17 apples fell.\n"


@pytest.fixture
def _demo_packages():
    pytest.importorskip("matplotlib")
    pytest.importorskip("tqdm")


def assert_is_a_figure(path):
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert all(number > 600 for number in struct.unpack(">2I", content[16:24]))


@pytest.mark.usefixtures("_demo_packages")
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_the_image_classifier_learns_made_up_data(tmp_path, dtype):
    write_data_set(tmp_path)
    figure = tmp_path / "new folder" / "figure.png"
    process = run_script(
        "fashion_mnist_cnn.py", "--steps", "40", "--dtype", dtype, "--output", figure,
        SWIFTOPT_DATA=str(tmp_path),
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    share = float(re.search(r"([\d.]+)% of the test images are right", process.stdout)[1])
    assert share > 30  # guessing: 10
    assert_is_a_figure(figure)


@pytest.mark.usefixtures("_demo_packages")
def test_the_residual_network_learns_more_than_the_plain_one(tmp_path):
    write_data_set(tmp_path)
    figure = tmp_path / "figure.png"
    process = run_script(
        "deep_residual.py", "--steps", "40", "--output", figure, SWIFTOPT_DATA=str(tmp_path)
    )
    assert process.returncode == 0, process.stderr
    losses = dict(re.findall(r"^(plain|residual) +loss ([\d.]+)", process.stdout, re.MULTILINE))
    assert float(losses["residual"]) < 0.8 * float(losses["plain"])
    assert_is_a_figure(figure)


@pytest.mark.usefixtures("_demo_packages")
def test_the_transformer_learns_a_text_of_ones_own(tmp_path):
    text = tmp_path / "text"
    text.write_bytes(500 * LINE)
    process = run_script(
        "char_transformer.py", "--steps", "60", "--characters", "40", "--beginning", "In",
        "--output", tmp_path / "figure.png", SWIFTOPT_TEXT=str(text),
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    # The 21 bytes of the text take 4 bits each when nothing but their frequencies is known.
    assert float(re.search(r"([\d.]+) bits per character\.", process.stdout)[1]) < 2
    assert re.search(r"^In.{5}", process.stdout, re.MULTILINE)
    assert_is_a_figure(tmp_path / "figure.png")


@pytest.mark.usefixtures("_demo_packages")
@pytest.mark.parametrize(
    ("script", "variable", "package"),
    [
        ("fashion_mnist_cnn.py", "SWIFTOPT_DATA", "dataset-fashion-mnist"),
        ("deep_residual.py", "SWIFTOPT_DATA", "dataset-fashion-mnist"),
        ("char_transformer.py", "SWIFTOPT_TEXT", "bible-kjv-text"),
    ],
)
def test_they_say_where_their_data_come_from(tmp_path, script, variable, package):
    process = run_script(script, "--steps", "1", **{variable: str(tmp_path / "nothing")})
    assert process.returncode == 1
    assert package in process.stderr
    assert variable in process.stderr
    assert "Traceback" not in process.stderr


# --------------------------------------------------------------------- the text


def compressed(data):
    """The codes that compress(1) may write for less than 250 bytes: 9 bits for each byte."""
    bits = sum(byte << 9 * index for index, byte in enumerate(data))
    return bits.to_bytes(-(-9 * len(data) // 8), "little")


def text_file(*windows):
    """A file of bible-kjv-text, put together as its reader's author understood it."""
    starts, body = [], b""
    first = 0x5C + 4 * (len(windows) + 1)
    for window in map(compressed, windows):
        starts.append(first + len(body))
        body += window
    starts.append(first + len(body))
    header = struct.pack(">3I", 0, max(map(len, windows)), len(windows))
    title = b"EC02Compressed Data File".ljust(0x50, b"\0")
    return title + header + struct.pack(f">{len(starts)}I", *starts) + body


def test_the_text_is_read_without_title_and_numbers(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(text_file(b"A title.\nGe1:1 One: 2.\nGe", b"1:2 Three\n1Jn10:12 and four.\n"))
    load = load_module("support/king_james.py").load
    assert load(path) == b"One: 2.\nThree\nand four.\n"


def test_the_text_of_the_package_is_the_one(monkeypatch):
    module = load_module("support/king_james.py")
    if not module.DEFAULT_FILE.is_file():
        pytest.skip("bible-kjv-text is not on this machine")
    monkeypatch.delenv("SWIFTOPT_TEXT", raising=False)
    text = module.load()
    assert text.startswith(b"In the beginning God created the heaven and the earth.\n")
    assert text.endswith(b"The grace of our Lord Jesus Christ be with you all. Amen.\n")
    assert text.count(b"\n") == 31102  # verses, as in every count of them
    assert not re.search(rb"\d", text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"EC02Compressed Data File", "not a text of bible-kjv-text"),
        (text_file(b"one\n")[:0x60], "ends inside its table of 1 windows"),
        (text_file(b"one\n")[:-3] + b"\xff\xff\xff", "damaged between bytes"),
    ],
)
def test_a_damaged_text_is_refused(tmp_path, content, message):
    (tmp_path / "data").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_module("support/king_james.py").load(tmp_path / "data")
