"""Server: is the machine well? For people who manage all games."""

import asyncio
from http import HTTPStatus

from litestar import Response, get
from litestar.params import FromPath

from questlog.console.access import NotPermitted, Right, needs
from questlog.console.server_state import server_state
from questlog.web.guard import caller_of
from questlog.web.log_in import AnyRequest
from questlog.web.site import ThisSite


@get("/games/{game:str}/server", opt=needs(Right.MANAGE))
async def server_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """What the checks find, how much room there is, and how loading and maintenance go."""
    if not caller_of(request).may_everywhere(Right.MANAGE):
        raise NotPermitted(Right.MANAGE, " for all games")
    state = await asyncio.to_thread(server_state, site.services)
    progress = site.services.progress
    return await site.page(
        request,
        "settings/server.html",
        HTTPStatus.OK,
        page="server",
        state=state,
        loader=progress.loader_counters(),
        collectors=await asyncio.to_thread(progress.collector_counters),
        worst=next((level for level in ("FAIL", "WARN") if any(each.level == level for each in state.findings)), "OK"),
    )


HANDLERS = (server_page,)
