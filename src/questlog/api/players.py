"""`/api/v1/games/{game}/players/{player}`: who a player is, the sessions, and everything that happened.

The same as questions, `/api/v1/games/{game}/player`, `/sessions` and `/timeline`: there the id may hold a `/`, which
cannot stand in an address, and a timeline may be filtered by any dimension.
"""

from typing import Annotated

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from questlog.analytics.analyses.cohort_members import FIRST_DAY, LAST_DAY
from questlog.analytics.analyses.timeline import PlayerProfile, PlayerSessions, PlayerTimeline
from questlog.analytics.question.query import EventMatch, Period
from questlog.api.analytics import Asking, Format
from questlog.api.asking import Answered
from questlog.api.errors import bad_value
from questlog.api.parameters import After, parse_day
from questlog.console.access import Right, needs

Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=500)]


@get("/games/{game:str}/players/{player:str}", opt=needs(Right.PERSONAL_DATA))
async def get_player(asker: Asking, game: FromPath[str], player: FromPath[str], form: Format = None) -> Answered:
    """A player's row: first and last event, install, sessions, playtime, revenue, properties."""
    return await asker.answer(game, PlayerProfile(player), form)


@get("/games/{game:str}/players/{player:str}/sessions", opt=needs(Right.PERSONAL_DATA))
async def list_player_sessions(
    asker: Asking,
    game: FromPath[str],
    player: FromPath[str],
    limit: Limit = 50,
    after: After = None,
    form: Format = None,
) -> Answered:
    """A player's sessions, newest first."""
    question = PlayerSessions(player, after, limit)
    return await asker.answer(game, question, form)


@get("/games/{game:str}/players/{player:str}/timeline", opt=needs(Right.PERSONAL_DATA))
async def get_timeline(  # noqa: PLR0913, PLR0917 - each is a parameter of the route
    asker: Asking,
    game: FromPath[str],
    player: FromPath[str],
    category: FromQuery[str | None] = None,
    event_id: Annotated[
        str | None, QueryParameter(name="event_id", description="Ends in `:*`: this id and all below it.")
    ] = None,
    search: Annotated[
        str | None,
        QueryParameter(name="search", min_length=1, max_length=200, description="Text in id, message or attributes."),
    ] = None,
    since: Annotated[
        str | None, QueryParameter(name="from", description="The first day, in the game's time zone.")
    ] = None,
    until: Annotated[
        str | None, QueryParameter(name="to", description="The last day, in the game's time zone.")
    ] = None,
    limit: Limit = 100,
    after: After = None,
    form: Format = None,
) -> Answered:
    """A player's events, newest first."""
    is_prefix = event_id is not None and event_id.endswith(":*")
    match = EventMatch(category, event_id[:-2] if event_id and is_prefix else event_id, is_prefix)
    question = PlayerTimeline(player, _period(since, until), match, search, after, limit)
    return await asker.answer(game, question, form)


def _period(since: str | None, until: str | None) -> Period | None:
    if since is None and until is None:
        return None
    period = Period(parse_day("from", since) or FIRST_DAY, parse_day("to", until) or LAST_DAY)
    if period.end < period.start:
        field = "from" if until is None else "to"
        raise bad_value(field, f"the last day, {period.end}, is before the first one, {period.start}")
    return period


PLAYER_HANDLERS = [get_player, list_player_sessions, get_timeline]
