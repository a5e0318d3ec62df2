"""What a player played on: devices, systems and builds, with the time and the number of events on each."""

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.analyses.timeline import PlayerId, known_player
from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.examples import Example

MOST_ROWS = 200

_GROUPED = ("platform", "device", "manufacturer", "os_version", "build", "country")


class PlayerDevices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a player played on: a row for each combination of device, system, build and country, the latest first."""

    player_id: PlayerId


def answer(question: PlayerDevices, context: Context) -> Answer:
    """At most `MOST_ROWS` rows. Raises `InvalidQuery` for an unknown player."""
    player = known_player(question.player_id, context)
    rows = context.run(_devices, context.game_id, player["player_no"])
    return Answer(rows, _COLUMNS, data_version=context.data_version)


def _devices(game_id: int, player_no: int) -> ir.Table:
    events = tables.events
    events = events.filter(events.game_id == game_id, events.player_no == player_no)
    found = events.group_by(_GROUPED).aggregate(
        first_seen=events.event_time.min(), last_seen=events.event_time.max(), events=events.count()
    )
    found = found.order_by(ibis.desc("last_seen"), ibis.desc("events"), *_GROUPED).limit(MOST_ROWS)
    return found.select([column.name for column in _COLUMNS])


_COLUMNS = (
    *(AnswerColumn(name, "", f"{name.replace('_', ' ')} of the events") for name in _GROUPED),
    AnswerColumn("first_seen", "", "time of the player's first event with these values, UTC"),
    AnswerColumn("last_seen", "", "time of the player's last event with these values, UTC"),
    AnswerColumn("events", "events", "events of the player with these values"),
)

ANALYSIS = Analysis(
    "player-devices",
    PlayerDevices,
    answer,
    "What a player played on: devices, systems, builds and countries.",
    page="reference/analyses/players.md",
    is_personal=True,
    examples=(Example("The devices of a player", {"player_id": "ada"}),),
)
