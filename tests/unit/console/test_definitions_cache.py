from questlog.analytics.question.definitions import CustomMetric, CustomMetricKind
from questlog.analytics.question.query import EventMatch
from questlog.console.definitions_cache import SavedDefinitions
from questlog.control.definitions import SavedDefinition
from tests.support.console import FakeConsole

BOSSES = {"kind": "count", "event": {"category": "design", "event_id": "boss"}}


class CountingStore:
    """The control database, with a count of how often it was read."""

    def __init__(self, console: FakeConsole) -> None:
        self._control = console.control
        self.reads = 0

    def version(self) -> int:
        return self._control.version()

    def definitions_of(self, game_id: int) -> list[SavedDefinition]:
        self.reads += 1
        return list(self._control.definitions_of(game_id))


def test_definitions_are_read_once_until_one_changes(console: FakeConsole) -> None:
    console.control.create_game("Tetris")
    console.control.put_definition("1", "custom-metric", "Bosses", BOSSES, "ada")
    store = CountingStore(console)
    saved = SavedDefinitions(store)
    expected = CustomMetric(CustomMetricKind.COUNT, EventMatch("design", "boss"))
    assert [dict(saved(1).custom_metrics) for _ in range(3)] == [{"Bosses": expected}] * 3
    assert saved(2).custom_metrics == {}
    assert store.reads == 2
    console.control.delete_definition("1", "custom-metric", "Bosses")
    assert saved(1).custom_metrics == {}
    assert store.reads == 3


def test_a_definition_that_cannot_be_read_is_passed_over(console: FakeConsole) -> None:
    console.control.create_game("Tetris")
    console.control.put_definition("1", "custom-metric", "Bosses", BOSSES, "ada")
    console.control.put_definition("1", "custom-metric", "Old", {"of": "another version"}, "ada")
    console.control.put_definition("1", "segment", "Old", {"of": "another version"}, "ada")
    console.control.put_definition("1", "query", "Mine", {}, "ada")
    saved = SavedDefinitions(console.control)(1)
    assert (list(saved.custom_metrics), list(saved.segments)) == (["Bosses"], [])
