"""Suggestions for fields in which one chooses an event: names of the game's catalogue, and what is above them."""

from litestar import Response, get
from litestar.params import FromPath

from questlog.analytics.analyses.event_catalogue import EventCatalogue
from questlog.analytics.question.problems import InvalidQuery
from questlog.console.access import Right, needs
from questlog.console.concurrency import TooBusy
from questlog.model.taxonomy import CATEGORIES
from questlog.store.contract import QueryAborted, StoreFailed
from questlog.web.event_words import ALTERNATIVE, event_text, parents_of
from questlog.web.log_in import AnyRequest
from questlog.web.reports import ask_all
from questlog.web.site import ThisSite

_MOST_NAMES, _MOST_SHOWN = 40, 30


@get("/games/{game:str}/event-names", opt=needs(Right.VIEW))
async def suggest_events(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """Events whose name has what is typed, the most frequent first; what is typed before ` | ` is kept."""
    view = await site.view(request, "explore")
    kept, between, typed = request.query_params.get("q", "")[:4_096].rpartition(ALTERNATIVE.strip())
    category, searched = _split(typed.strip().removesuffix("*").removesuffix(":"))
    question = EventCatalogue(view.period, category, searched[:200], _MOST_NAMES, sample=0)
    try:
        rows = (await ask_all(site, request, {"names": question}))["names"].table.to_pylist()
    except (InvalidQuery, TooBusy, QueryAborted, StoreFailed):
        rows = []
    counts: dict[str, int] = {}
    for row in rows:
        for above in parents_of(row["event_id"] or ""):
            name = event_text(row["category"], f"{above}:*")
            counts[name] = counts.get(name, 0) + row["events"]
        name = event_text(row["category"], row["event_id"])
        counts[name] = counts.get(name, 0) + row["events"]
    start = f"{kept.strip()}{ALTERNATIVE}" if between else ""
    categories = [each for each in CATEGORIES if category is None and typed.strip() and each.startswith(typed.strip())]
    found: list[tuple[str, int | None]] = [(name, None) for name in categories]
    found += sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: _MOST_SHOWN - len(found)]
    return site.html(request, "parts/event_names.html", names=found, start=start)


def _split(typed: str) -> tuple[str | None, str]:
    """The category that is typed, and what is searched in ids."""
    category, colon, rest = typed.partition(":")
    return (category, rest) if category in CATEGORIES and (colon or category == typed) else (None, typed)
