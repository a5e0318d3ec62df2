"""What is arriving now, for all games: for whoever runs the machine."""

from litestar import Response, get

from questlog.console.access import Right, Scope, needs
from questlog.web.guard import caller_of
from questlog.web.log_in import AnyRequest
from questlog.web.site import ThisSite
from questlog.web.status import limited_to


@get("/status", opt=needs(Right.VIEW, Scope.NONE))
async def status_page(site: ThisSite, request: AnyRequest) -> Response[str]:
    """What is arriving now."""
    status = limited_to(await site.status.latest(), caller_of(request))
    collector_url = f"http://{request.url.hostname or 'localhost'}:{site.services.collector_port}"
    return await site.page(request, "status.html", page="status", status=status, collector_url=collector_url)
