"""Annotations: what people and build servers write at a day of a game. Charts mark the day."""

import datetime as dt
from typing import Annotated

import msgspec
from msgspec import Meta

from questlog.analytics.question.examples import Example
from questlog.analytics.question.query import Name

MAX_TEXT = 1_000


class Annotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happened on a day of the game's time zone. With a `build`, it stands in place of that build's own mark."""

    day: dt.date
    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
    build: Name | None = None


EXAMPLE = Example(
    "A release, written by a build server", {"day": "2026-01-15", "text": "Winter update", "build": "1.4.0"}
)
