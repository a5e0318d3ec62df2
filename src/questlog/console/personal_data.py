"""Which questions are answered with data of single players."""

from collections.abc import Iterator
from typing import Any

import msgspec

from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.selection.segments import Segment

_IDENTIFYING = frozenset(
    {
        *("player_id", "session_id"),
        *("attributes.android_id", "attributes.google_aid", "attributes.oaid", "attributes.android_app_set_id"),
        *("attributes.ios_idfv", "attributes.ios_idfa"),
        *("attributes.user_id_ext", "attributes.googleplus_id", "attributes.facebook_id"),
    }
)
"""Dimensions with a value for each player, device or account: groups of them, and filters by them, are of one player.

What a game itself puts into its other attributes and custom fields is not known here.
"""


def reads_personal_data(analysis: Analysis, question: msgspec.Struct) -> bool:
    """Whether the answer is of single players: rows of them, or numbers grouped or filtered by their ids."""
    if analysis.is_personal or (isinstance(question, Segment) and question.players > 0):
        return True
    if isinstance(question, Funnel) and question.dropped_after is not None:
        return True
    return any(text in _IDENTIFYING for text in _texts(msgspec.to_builtins(question)))


def _texts(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            pending.extend(each.values())
        elif isinstance(each, list | tuple | set | frozenset):
            pending.extend(each)
