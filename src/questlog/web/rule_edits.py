"""Changes of a segment's rule, one at a time: the builder's buttons. A place in it is a path such as `0.2`."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from questlog.analytics.question.definitions import AllRules, AnyRule, Did, InSegment, Measured, NotRule, Rule, Who
from questlog.analytics.question.query import AllOf, Condition, EventMatch, Filter, Operator
from questlog.console import short_forms

Path = tuple[int, ...]
_NO_VALUE = (Operator.IS_SET, Operator.IS_NOT_SET)
_MANY_VALUES = (Operator.IN, Operator.NOT_IN)
_MOST_VALUE = 1e15


class NotReadable(Exception):
    """What a form says makes no rule. The message says why."""


def path_of(text: str) -> Path:
    """The path that a form names; the whole rule for nonsense."""
    parts = text.split(".") if text else []
    return tuple(int(part) for part in parts[:32] if part.isascii() and part.isdigit() and len(part) < 6)


def at(rule: Rule, path: Path) -> Rule:
    """The rule at a place. Raises `IndexError`."""
    for place in path:
        rule = _inner(rule)[place]
    return rule


def added(whole: Rule | None, path: Path, made: Rule) -> Rule:
    """With one more rule: in the group at the path, or together with what is there."""
    if whole is None:
        return made
    return _changed(whole, path, lambda rule: _with_one_more(rule, made))


def replaced(whole: Rule, path: Path, made: Rule) -> Rule:
    """With another rule at the path."""
    return _changed(whole, path, lambda _: made)


def removed(whole: Rule, path: Path) -> Rule | None:
    """Without the rule at the path; a group of one is that one, and nothing may be left."""
    if not path:
        return None
    *above, place = path
    parent = at(whole, tuple(above))
    if isinstance(parent, NotRule):
        return removed(whole, tuple(above))
    at(parent, (place,))
    kept = tuple(each for number, each in enumerate(_inner(parent)) if number != place)
    if not kept:
        return removed(whole, tuple(above))
    left = kept[0] if len(kept) == 1 else _like(parent, kept)
    return _changed(whole, tuple(above), lambda _: left)


def negated(whole: Rule, path: Path) -> Rule:
    """With the opposite at the path."""
    return _changed(whole, path, lambda rule: rule.rule if isinstance(rule, NotRule) else NotRule(rule))


def switched(whole: Rule, path: Path) -> Rule:
    """With `any` for `all` at the path, or the other way round; what is no group becomes one of its own."""

    def change(rule: Rule) -> Rule:
        if isinstance(rule, AllRules):
            return AnyRule(rule.rules)
        return AllRules(rule.rules) if isinstance(rule, AnyRule) else AnyRule((rule,))

    return _changed(whole, path, change)


def rule_of(fields: Mapping[str, Sequence[str]]) -> Rule:
    """The rule that a form describes. Raises `NotReadable`."""
    kind = _text(fields, "kind")
    if kind == "who":
        return Who(_condition(_text(fields, "dimension"), _text(fields, "operator"), _text(fields, "values")))
    if kind == "in_segment":
        if not _text(fields, "in"):
            raise NotReadable("choose a segment")
        return InSegment(_text(fields, "in"))
    if kind == "did":
        return _did(fields)
    raise NotReadable("choose a kind of condition")


def _did(fields: Mapping[str, Sequence[str]]) -> Did:
    event_id = _text(fields, "event_id")
    is_prefix = event_id.endswith("*")
    event_id = event_id.rstrip("*").rstrip(":")
    conditions = [
        _condition(dimension, operator, values)
        for dimension, operator, values in zip(
            *(fields.get(name, ()) for name in ("event_dimension", "event_operator", "event_values")), strict=False
        )
        if dimension.strip()
    ]
    condition: Filter | None = AllOf(tuple(conditions)) if len(conditions) > 1 else next(iter(conditions), None)
    event = EventMatch(_text(fields, "category") or None, event_id or None, is_prefix and bool(event_id), condition)
    try:
        measured = Measured(_text(fields, "measured") or Measured.COUNT)
        operator = Operator(_text(fields, "compare") or Operator.GREATER_OR_EQUAL)
    except ValueError as error:
        raise NotReadable(str(error)) from None
    return Did(event, measured, operator, _number(_text(fields, "value") or "1"), _days(_text(fields, "last_days")))


def _condition(dimension: str, operator: str, text: str) -> Condition:
    if not dimension.strip():
        raise NotReadable("choose a dimension")
    try:
        chosen = Operator(operator.strip() or Operator.IS)
    except ValueError as error:
        raise NotReadable(str(error)) from None
    if chosen in _NO_VALUE:
        return Condition(dimension.strip(), chosen)
    values = tuple(short_forms.names(text.replace("\n", ","))) if chosen in _MANY_VALUES else (text.strip(),)
    return Condition(dimension.strip(), chosen, values)


def _number(text: str) -> float:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        raise NotReadable(f"{text[:50]!r} is not a number") from None
    if not -_MOST_VALUE <= number <= _MOST_VALUE:
        raise NotReadable(f"{text[:50]!r} is too large")
    return int(number) if number.is_integer() else number


def _days(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 3_700):
        raise NotReadable(f"{text[:50]!r} is not a number of days, 1 to 3700")
    return int(text)


def _text(fields: Mapping[str, Sequence[str]], name: str) -> str:
    return (fields.get(name) or [""])[-1].strip()[:4_096]


def _inner(rule: Rule) -> tuple[Rule, ...]:
    if isinstance(rule, NotRule):
        return (rule.rule,)
    return rule.rules if isinstance(rule, AllRules | AnyRule) else ()


def _like(group: Rule, rules: tuple[Rule, ...]) -> Rule:
    return AnyRule(rules) if isinstance(group, AnyRule) else AllRules(rules)


def _with_one_more(rule: Rule, made: Rule) -> Rule:
    if isinstance(rule, AllRules | AnyRule):
        return _like(rule, (*rule.rules, made))
    return AllRules((rule, made))


def _changed(rule: Rule, path: Path, change: Callable[[Rule], Rule]) -> Rule:
    """Raises `IndexError` for a place that there is not."""
    if not path:
        return change(rule)
    place, *rest = path
    inner = _inner(rule)
    made = _changed(inner[place], tuple(rest), change)
    if isinstance(rule, NotRule):
        return NotRule(made)
    return _like(rule, (*inner[:place], made, *inner[place + 1 :]))


def encoded(rule: Rule) -> str:
    """A rule as an address has it."""
    return msgspec.json.encode(rule).decode()
