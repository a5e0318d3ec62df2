"""Reads the numbers of a Questlog server as Arrow, pandas or polars."""

from questlog_client.answer import Answer, Column, Source, Warned
from questlog_client.errors import Busy, NotFound, QuestlogError, Refused, ServerFailed, Unauthenticated, Unreachable
from questlog_client.filters import all_of, any_of, event, not_, where
from questlog_client.reader import Reader

__all__ = [
    "Answer",
    "Busy",
    "Column",
    "NotFound",
    "QuestlogError",
    "Reader",
    "Refused",
    "ServerFailed",
    "Source",
    "Unauthenticated",
    "Unreachable",
    "Warned",
    "all_of",
    "any_of",
    "event",
    "not_",
    "where",
]
