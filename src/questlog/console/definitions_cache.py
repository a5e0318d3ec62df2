"""The segments and metrics that games have saved, as analytics takes them."""

import threading
from collections.abc import Sequence
from typing import Protocol

from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.runner import Definitions
from questlog.console.definition_kinds import CUSTOM_METRIC, SEGMENT, of_kind
from questlog.control.definitions import SavedDefinition

_MOST_GAMES = 1_000


class DefinitionStore(Protocol):
    """Saved definitions, in the control database. Called from any thread."""

    def version(self) -> int:
        """A number that grows with every change."""
        ...

    def definitions_of(self, game_id: int) -> Sequence[SavedDefinition]:
        """All of a game."""
        ...


class SavedDefinitions:
    """Reads definitions once for each version of the control database."""

    def __init__(self, store: DefinitionStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._version: int | None = None
        self._known: dict[int, Definitions] = {}

    def __call__(self, game_id: int) -> Definitions:
        """Those of a game. One that this version of Questlog cannot read is passed over, with a line in the log."""
        version = self._store.version()
        with self._lock:
            if version != self._version or len(self._known) > _MOST_GAMES:
                self._known = {}
                self._version = version
            known = self._known.get(game_id)
        return known or self._read(game_id, version)

    def _read(self, game_id: int, version: int) -> Definitions:
        saved = self._store.definitions_of(game_id)
        read = Definitions(
            segments=of_kind(saved, SEGMENT, SegmentDefinition),
            custom_metrics=of_kind(saved, CUSTOM_METRIC, CustomMetric),
        )
        with self._lock:
            if version == self._version:
                self._known[game_id] = read
        return read
