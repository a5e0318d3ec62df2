"""What an analysis is: one entry of the registry, from which routes, commands, saved kinds, schema and docs come."""

import enum
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.question.examples import Example

Segments = Mapping[str, SegmentDefinition]
CustomMetrics = Mapping[str, CustomMetric]


class Freshness(enum.StrEnum):
    """How long an answer stays right while neither the data nor the definitions change."""

    DAY = "day"  # until the game's day ends
    MINUTE = "minute"  # until the minute ends


class Analysis(msgspec.Struct, frozen=True):
    """One kind of question.

    `name` is the last part of its route, the choice of `questlog query --analysis` and the kind of saved questions.
    `question` is the type of the body, `answer` what answers it. `summary` says in one line what is answered. `page` is
    the page that explains it, below `docs/`. `is_savable` says whether such questions can be saved; `check` raises
    `InvalidQuery` for one that cannot be answered in a game with these segments and custom metrics. `keys` are the
    columns that identify a row in addition to its groups; with them, `compare` adds the previous period to an answer.
    `is_personal` says whether its rows are of single players: who asks needs the right to personal data.
    """

    name: str
    question: type[msgspec.Struct]
    answer: Callable[[Any, Context], Answer]
    summary: str
    page: str
    examples: tuple[Example, ...]
    freshness: Freshness = Freshness.DAY
    is_savable: bool = False
    is_personal: bool = False
    keys: tuple[str, ...] = ()
    check: Callable[[Any, Segments, CustomMetrics], object] = lambda question, segments, _: question.check(segments)
