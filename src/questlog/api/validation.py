"""What is wrong with a JSON value, by the type it should have: the field, why, and the nearest value that would do."""

import difflib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import inspect

_AT = re.compile(r" - at `(?:key in )?(\$.*)`$", re.DOTALL)
_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_BAD_VALUE = re.compile(r"Invalid (?:enum )?value '(.*)'", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<kinds>[^`]*)`(?P<limit> [^,]*)?(?:, got `(?P<got>[^`]*)`)?")
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_FORMATS = {
    "Invalid RFC3339 encoded date": "must be a date like 2026-01-31",
    "Invalid RFC3339 encoded datetime": "must be a time like 2026-01-31T12:00:00Z",
}
_CUTOFF = 0.6

_Wanted = TypeVar("_Wanted")


class Fault(NamedTuple):
    """`field` is a path such as `filter.filters[0].operator`, "" for the whole."""

    field: str
    detail: str
    nearest: str | None = None


class NotOfType(Exception):
    """A value that is not of the type it should have."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


def converted(value: object, wanted: type[_Wanted]) -> _Wanted:
    """The value, as JSON gives it, as `wanted`. Raises `NotOfType`."""
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        message = str(error)
        at = _AT.search(message)
        field = at[1].removeprefix("$").lstrip(".") if at else ""
        raise NotOfType(fault_of(_AT.sub("", message), field, wanted)) from error


def fault_of(message: str, field: str, wanted: Any) -> Fault:
    """The message of msgspec about the value at `field` of a `wanted`, and what comes nearest to what was sent."""
    unknown = _UNKNOWN.fullmatch(message)
    if unknown:
        inner = f"{field}.{unknown[1]}" if field else unknown[1]
        return _with_nearest(inner, f"there is no such field: {unknown[1]!r}", unknown[1], _fields(wanted, field))
    bad_value = _BAD_VALUE.fullmatch(message)
    if bad_value:
        return _with_nearest(field, f"there is no such value: {bad_value[1]!r}", bad_value[1], _values(wanted, field))
    return Fault(field, _plain(message))


def _plain(message: str) -> str:
    """A message of msgspec in words for people who do not know its types."""
    if missing := _MISSING.fullmatch(message):
        return f"the field `{missing[1]}` is missing"
    if expected := _EXPECTED.fullmatch(message):
        got = f", not {_in_words(expected['got'])}" if expected["got"] else ""
        return f"must be {_in_words(expected['kinds'])}{expected['limit'] or ''}{got}"
    return _FORMATS.get(message, message)


def _in_words(kinds: str) -> str:
    return " or ".join(_WORDS.get(kind, kind) for kind in kinds.split(" | "))


def _with_nearest(field: str, detail: str, given: str, known: list[str]) -> Fault:
    matches = difflib.get_close_matches(given, known, n=1, cutoff=_CUTOFF)
    hint = "" if matches or not known else f"; there are {', '.join(known)}"
    return Fault(field, detail + hint, matches[0] if matches else None)


def _fields(wanted: Any, field: str) -> list[str]:
    """The names that an object at `field` may have."""
    structs = [kind for kind in _kinds_at(wanted, field) if isinstance(kind, inspect.StructType)]
    return list(dict.fromkeys(each.encode_name for struct in structs for each in struct.fields))


def _values(wanted: Any, field: str) -> list[str]:
    """The words that the value at `field` may be: those of an enum, or the tags of a union."""
    kinds = list(_kinds_at(wanted, field))
    words = [str(member.value) for kind in kinds if isinstance(kind, inspect.EnumType) for member in kind.cls]
    words += [str(value) for kind in kinds if isinstance(kind, inspect.LiteralType) for value in kind.values]
    parent, _, last = field.rpartition(".")
    for kind in _kinds_at(wanted, parent):
        if isinstance(kind, inspect.StructType) and kind.tag_field == last:
            words.append(str(kind.tag))
    return words


def _kinds_at(wanted: Any, field: str) -> Iterator[inspect.Type]:
    """The types that the value at `field` may have; a union's are given one by one."""
    kinds = list(_alternatives(inspect.type_info(wanted)))
    for name, _ in _PART.findall(f".{field}" if field and not field.startswith("[") else field):
        kinds = [inner for kind in kinds for inner in _inside(kind, name)]
    return iter(kinds)


def _inside(kind: inspect.Type, name: str) -> Iterator[inspect.Type]:
    """The types of a struct's field, or of a list's items where `name` is empty."""
    if isinstance(kind, inspect.StructType) and name:
        for each in kind.fields:
            if each.encode_name == name:
                yield from _alternatives(each.type)
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType) and not name:
        yield from _alternatives(kind.item_type)
    elif isinstance(kind, inspect.DictType) and name:
        yield from _alternatives(kind.value_type)


def _alternatives(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _alternatives(each)
    elif isinstance(kind, inspect.Metadata):
        yield from _alternatives(kind.type)
    else:
        yield kind
