"""`/api/docs`: the OpenAPI schema as a page to read and to try, by Swagger UI, from the front-end build."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, SkipValidation

_PAGE = "index.html"
_MEDIA_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}

DocsFiles = NamedDependency[SkipValidation[Mapping[str, bytes]]]


def docs_router(folder: Path | None = None) -> Router:
    """The routes of the page and its files. It shows nothing but the schema, which anyone may read."""
    folder = folder or Path(str(files("questlog") / "_built" / "api-docs"))
    contents = {path.name: path.read_bytes() for path in sorted(folder.glob("*")) if path.suffix in _MEDIA_TYPES}
    return Router(
        "/api/docs",
        route_handlers=[docs_page, docs_file],
        dependencies={"docs_files": Provide(lambda: contents, sync_to_thread=False)},
        include_in_schema=False,
    )


@get("/")
async def docs_page(docs_files: DocsFiles) -> Response[bytes]:
    """The page."""
    return _file(docs_files, _PAGE)


@get("/{name:str}")
async def docs_file(docs_files: DocsFiles, name: FromPath[str]) -> Response[bytes]:
    """A script or a style sheet of the page: one of those read at the start, no path of the file system."""
    return _file(docs_files, name)


def _file(docs_files: Mapping[str, bytes], name: str) -> Response[bytes]:
    content = docs_files.get(name)
    if content is None:
        raise NotFoundException
    media_type = f"{_MEDIA_TYPES[Path(name).suffix]}; charset=utf-8"
    return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=3600"})
