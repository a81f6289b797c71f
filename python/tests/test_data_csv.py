"""Tables as text: what Python's csv module wrote is read, and faults have a line and a column."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

from .data_files import gzipped, outcome, written

FLOATS = st.floats(width=32)


def table(rows, header=None, **form):
    """A table as Python's csv module writes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, **form)
    writer.writerows([header, *rows] if header else rows)
    return text.getvalue().encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("csv")


@given(
    rows=st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(FLOATS, min_size=width, max_size=width), min_size=1, max_size=20
        )
    ),
    has_names=st.booleans(),
    delimiter=st.sampled_from(",;\t| "),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    is_gzipped=st.booleans(),
)
def test_written_tables_are_read(folder, rows, has_names, delimiter, quoting, end, is_gzipped):
    names = [f"the {column}" for column in range(len(rows[0]))] if has_names else None
    content = table(rows, names, delimiter=delimiter, quoting=quoting, lineterminator=end)
    path = written(folder, gzipped(content) if is_gzipped else content)
    result = so.data.read_csv(path, delimiter=delimiter)
    # The shortest text of a float32 among float64 numbers, and so the same bits.
    np.testing.assert_array_equal(result, np.array(rows, np.float32), strict=True)
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(so.data.read_csv(path, delimiter=delimiter, dtype=float), rows)


@given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2), min_size=1))
def test_integers_are_exact(folder, rows):
    result = so.data.read_csv(written(folder, table(rows)), dtype=np.int64)
    np.testing.assert_array_equal(result, np.array(rows, np.int64), strict=True)


IRIS = b"""length,width,species,garden
5.1,3.5,setosa,"north, by the wall"
6.2,2.9,virginica,south

4.9,3.0,setosa,""
"""


def test_columns_and_labels(tmp_path):
    path = written(tmp_path, IRIS)
    classes = ["virginica", "setosa"]
    x, y = so.data.read_csv(
        path, columns=["width", "length"], label="species", classes=classes, dtype=np.float64
    )
    np.testing.assert_array_equal(x, [[3.5, 5.1], [2.9, 6.2], [3.0, 4.9]], strict=True)
    np.testing.assert_array_equal(y, np.array([1, 0, 1]), strict=True)
    same = so.data.read_csv(path, columns=[1, -4, 1])
    np.testing.assert_array_equal(
        same, np.array([[3.5, 5.1, 3.5], [2.9, 6.2, 2.9], [3, 4.9, 3]], "f4")
    )


def test_labels_in_the_middle_or_first(tmp_path):
    path = written(tmp_path, b"7,1,2\n8,3,4\n")
    for label, labels, features in [
        (0, [7, 8], [[1, 2], [3, 4]]),
        (1, [1, 3], [[7, 2], [8, 4]]),
        (-1, [2, 4], [[7, 1], [8, 3]]),
    ]:
        x, y = so.data.read_csv(path, label=label, dtype=np.uint8)
        np.testing.assert_array_equal(y, np.array(labels), strict=True)
        np.testing.assert_array_equal(x, np.array(features, np.uint8), strict=True)


def test_the_first_line_is_a_header_if_it_has_no_number(tmp_path):
    words_and_numbers = written(tmp_path, b"2024,b\n1,2\n")
    with pytest.raises(so.data.DataError, match=r"line 1, column 1 is 'b'"):
        so.data.read_csv(words_and_numbers)
    assert so.data.read_csv(words_and_numbers, header=True, columns=["2024"]).tolist() == [[1]]
    numbers = written(tmp_path, b"1,2\n3,4\n")
    assert so.data.read_csv(numbers).shape == (2, 2)
    assert so.data.read_csv(numbers, header=True).tolist() == [[3, 4]]
    with_mark = written(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n")
    assert so.data.read_csv(with_mark, columns=["a"]).tolist() == [[1]]
    over_two_lines = written(tmp_path, b'"a\nb",c\n1,2\n')
    assert so.data.read_csv(over_two_lines, columns=["a\nb"]).tolist() == [[1]]


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (b"a,b\n1,2\n3,\n", {}, r"line 3, column 1 \('b'\) is missing; it must be a number"),
        (b"a,b\n1,2\n\n3, \n", {}, r"line 4, column 1 \('b'\) is missing"),
        (b"1,2\n3,x\n", {}, r"line 2, column 1 is 'x'; it must be a number"),
        (b"1,2\n1_0,4\n", {}, r"line 2, column 0 is '1_0'"),
        (b"1,2\n3,4,5\n", {}, "line 2 has 3 cells; the first row has 2"),
        (b"1,2\n3\n", {}, "line 2 has 1 cells; the first row has 2"),
        (b"1,2\n3,4,\n", {}, "line 2 has 3 cells"),
        (b'1,2\n3,"4\n5,6\n', {}, "line 3, column 1 is '4.n5,6.n'"),
        (b"", {}, "has no rows"),
        (b"\n\n", {}, "has no rows"),
        (b"a,b\n", {}, "has no rows"),
        (b"1,\xff\n", {}, "isn't UTF-8 after line 0"),
        (50_000 * b"1,2\n" + b"\xff,2\n", {}, "isn't UTF-8 after line 4"),
        (gzipped(b"1,2\n3,4\n")[:-3], {}, "isn't a whole gzip file"),
        (b"1,256\n", {"dtype": np.uint8}, r"line 1, column 1 is '256'; .* in 0 \.\.\. 255"),
        (b"1,2.5\n", {"dtype": np.int32}, r"line 1, column 1 is '2.5'; it must be an integer"),
        (b"1,2.5\n", {"label": 1}, r"line 1, column 1 is '2.5'; a label must be an integer"),
        (b"1,nan\n", {"label": 1}, r"line 1, column 1 is 'nan'; a label must be an integer"),
        (b"1,1e300\n", {"label": 1}, "a label must be an integer"),
        (b"1,x\n", {"label": 1}, "line 1, column 1 is 'x'; a label must be an integer"),
        (b"1,x\n2,y\n", {"label": 1, "classes": ["x"]}, "line 2, column 1 is 'y'; .* one of the"),
    ],
)  # fmt: skip
def test_faults_have_a_line_and_a_column(tmp_path, content, arguments, message):
    path = written(tmp_path, content, "table.csv")
    with pytest.raises(so.data.DataError, match=rf"table\.csv: .*{message}|table\.csv: {message}"):
        so.data.read_csv(path, **arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"columns": ["d"]}, ValueError, "columns 'd' names no column; .* 'a', 'b', 'b'"),
        ({"columns": ["b"]}, ValueError, "columns 'b' names two columns"),
        ({"columns": [3]}, ValueError, "columns 3 is out of range; there are 3 columns"),
        ({"columns": [-4]}, ValueError, "columns -4 is out of range"),
        ({"columns": "a"}, TypeError, "columns must be a list"),
        ({"columns": []}, ValueError, "no column for the features"),
        ({"columns": [1.5]}, TypeError, "columns has 1.5; it must be a name or a number"),
        ({"columns": ["a"], "label": 0}, ValueError, "column 0 is both a feature and the label"),
        ({"header": False, "label": "a"}, ValueError, "there is no header"),
        ({"classes": ["x"]}, ValueError, "label must say which column"),
        ({"classes": "x", "label": 0}, TypeError, "classes must be a list of names"),
        ({"classes": ["x", "x"], "label": 0}, ValueError, "two classes have the same name"),
        ({"dtype": "U3"}, TypeError, "dtype is <U3"),
        ({"dtype": np.complex64}, TypeError, "dtype is complex64"),
        ({"delimiter": ",,"}, ValueError, "delimiter is ',,'; it must be one character"),
        ({"delimiter": '"'}, ValueError, "delimiter is"),
        ({"delimiter": None}, ValueError, "delimiter is None"),
    ],
)
def test_arguments_that_dont_fit(tmp_path, arguments, error, message):
    path = written(tmp_path, b"a,b,b\n1,2,3\n")
    with pytest.raises(error, match=message):
        so.data.read_csv(path, **arguments)


@given(content=st.binary(max_size=60), label=st.sampled_from([None, 0, -1]))
def test_any_bytes_are_read_or_refused(folder, content, label):
    path = written(folder, content)
    result = outcome(lambda: so.data.read_csv(path, label=label), ValueError)
    if isinstance(result, so.data.DataError):
        assert str(path) in str(result)
    elif isinstance(result, ValueError):  # the only column is the label's
        assert str(result) == "read_csv: there is no column for the features"
    else:
        features = result if label is None else result[0]
        assert features.ndim == 2
        assert features.size


TOKENS = st.sampled_from(["1", "2.5", "-1e5", "nan", ",", "\n", "\r", " ", '"', "_", "x", "+"])


@given(tokens=st.lists(TOKENS, max_size=12))
def test_what_is_read_is_what_python_reads(folder, tokens):
    """Any table that is accepted has the numbers that the csv module and float find in it."""
    text = "".join(tokens)
    path = written(folder, text.encode())
    result = outcome(lambda: so.data.read_csv(path, dtype=float, header=False), so.data.DataError)
    if isinstance(result, np.ndarray):
        rows = csv.reader(io.StringIO(text, newline=""))
        np.testing.assert_array_equal(
            result, [[float(cell) for cell in row] for row in rows if row]
        )
    else:
        assert str(path) in str(result)
