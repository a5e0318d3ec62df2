import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.protocols.numbers import nearest_integer, with_nulls

NO_NUMBERS = [
    *(sign + word for sign in ("", "-", "+") for word in ("NaN", "nan", "NAN", "Infinity", "infinity", "inf", "Inf")),
    "-nan(ind)",
    "nan(snan)",
    "1.#INF",
    "-1.#IND",
    "1.#QNAN00",
]


@pytest.mark.parametrize("written", NO_NUMBERS)
@pytest.mark.parametrize("form", ['{"a":%s,"b":1}', "[1, %s ,2]", "[%s]", "%s", '{"a":\n%s\n}', '{"a":[[%s]]}'])
def test_what_is_no_number_is_null(written: str, form: str) -> None:
    assert with_nulls((form % written).encode()) == (form % "null").encode()


@pytest.mark.parametrize(
    "text",
    [
        *NO_NUMBERS,
        ":nan,",
        ',"nan":nan}',
        "\\",
        "\\\\",
        'a\\":inf,',
        "info",
        "naïve 日本 nan",
        "\u2028inf",
    ],
)
def test_strings_stay_as_they_are(text: str) -> None:
    body = json.dumps({"nan": text, text: [text, "inf"]}, ensure_ascii=False).encode()
    assert with_nulls(body) is body
    with_one = body[:-1] + b',"x":nan}'
    assert with_nulls(with_one) == body[:-1] + b',"x":null}'


@pytest.mark.parametrize("body", [b"", b"[nano]", b"[infinite]", b"[1.5nan]", b"[xinf]", b"[null,true]", b"[1.#]"])
def test_other_words_stay_as_they_are(body: bytes) -> None:
    assert with_nulls(body) == body


_PIECES = ['"', "\\", '\\"', "\\\\", "nan", "-inf", "NaN", ",", ":", "[", "]", "{", "}", " ", "1", "a", "\\u0022"]


@given(st.lists(st.sampled_from(_PIECES)).map("".join))
def test_any_body_comes_back_with_its_strings(body: str) -> None:
    mended = with_nulls(body.encode())
    assert mended.split(b'"')[1::2] == body.encode().split(b'"')[1::2] or b"\\" in body.encode()
    assert with_nulls(mended) == mended


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(NO_NUMBERS),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def _nulled(value: object) -> object:
    if isinstance(value, dict):
        return {key: _nulled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_nulled(each) for each in value]
    return None if isinstance(value, float) and value - value != 0 else value


@given(_VALUES)
def test_what_python_writes_is_read_with_nulls(value: object) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert json.loads(with_nulls(body).decode("utf-8", "surrogatepass")) == _nulled(value)


@pytest.mark.parametrize("piece", [b'"', b'\\"', b"\\", b"nan,", b"+", b"inf", b"1.#", b"nan(", b'"",', b"-"])
def test_a_large_body_of_one_kind_is_read_within_the_tests_time_limit(piece: bytes) -> None:
    """In quadratic time it would take hours."""
    body = piece * (8_000_000 // len(piece))
    assert len(with_nulls(body)) >= len(body)


def test_more_of_them_than_a_body_may_have_values_are_left_alone() -> None:
    body = b"[" + b"nan," * 700_000 + b"nan]"
    assert with_nulls(body) is body
    within = b'["' + b"nan " * 500_000 + b'",nan]'
    assert with_nulls(within) == within[:-4] + b"null]"


@pytest.mark.parametrize(
    ("number", "integer"),
    [
        (1998.9999999999998, 1999),
        (1999.0, 1999),
        (1999.0000009, 1999),
        (1999.0000011, None),
        (1998.5, None),
        (-4.999999999, -5),
        (-0.0, 0),
        (1e-7, 0),
        (1e300, int(1e300)),
        (7, 7),
    ],
)
def test_a_number_beside_an_integer_is_that_integer(number: float, integer: int | None) -> None:
    assert nearest_integer(number) == integer


def test_a_mended_body_is_json() -> None:
    body = b'{"a": nan, "b": [-inf, {"c": 1.#INF}], "d": "nan, \\" inf"}'
    assert msgspec.json.decode(with_nulls(body)) == {"a": None, "b": [None, {"c": None}], "d": 'nan, " inf'}
