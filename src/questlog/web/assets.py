"""Scripts, styles and pictures of the pages, from the front-end build.

The build puts a hash of the content into each name, so browsers keep a file for ever; `manifest.json` says what a
source is called now. All files are read once, when the server starts.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, SkipValidation

from questlog.web.log_in import AnyRequest

PREFIX: Final = "/assets/"

_FOR_EVER = "public, max-age=31536000, immutable"
_CODINGS: Final = (("br", ".br"), ("gzip", ".gz"))  # the smaller first
_MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


class NotBuilt(Exception):
    """The front-end build is missing or older than this program."""


class Entry(msgspec.Struct, frozen=True):
    """What one source was built into: its file, and the scripts that it loads before it runs."""

    file: str
    imports: Sequence[str] = ()


class Asset(msgspec.Struct, frozen=True):
    """A file as it is sent: `bodies` by content coding, `""` for the plain one."""

    media_type: str
    bodies: Mapping[str, bytes]


class Assets:
    """The files of one front-end build."""

    def __init__(self, entries: Mapping[str, Entry], assets: Mapping[str, Asset]) -> None:
        self._entries = entries
        self._assets = assets

    def url(self, source: str) -> str:
        """The path of what `source` (`main.js`, `main.css`, `questlog.svg`) was built into. Raises `NotBuilt`."""
        return PREFIX + self._entry(source).file

    def preloads(self, source: str) -> list[str]:
        """The paths of a script and of all that it loads at once, for `modulepreload`. Raises `NotBuilt`."""
        entry = self._entry(source)
        return [PREFIX + name for name in (entry.file, *entry.imports)]

    def find(self, name: str) -> Asset | None:
        """The file of this name; None if the build has none."""
        return self._assets.get(name)

    def _entry(self, source: str) -> Entry:
        entry = self._entries.get(source)
        if entry is None:
            raise NotBuilt(f"the front-end build has no {source}: build it again with `make run` or `make wheel`")
        return entry


class _Manifest(msgspec.Struct):
    entries: dict[str, Entry]


def load_assets(folder: Path | None = None) -> Assets:
    """Reads the build. Raises `NotBuilt` if there is none."""
    folder = folder or Path(str(files("questlog") / "_built" / "web"))
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=_Manifest)
    except (FileNotFoundError, msgspec.DecodeError) as error:
        raise NotBuilt("the front end is not built: `make run` and `make wheel` build it") from error
    names = [path.name for path in folder.iterdir() if path.suffix in _MEDIA_TYPES]
    return Assets(manifest.entries, {name: _read(folder / name) for name in sorted(names)})


def assets_router(assets: Assets) -> Router:
    """The route of the files. It shows what is in every installation: anyone may read it."""
    return Router(
        PREFIX,
        route_handlers=[asset_file],
        dependencies={"assets": Provide(lambda: assets, sync_to_thread=False)},
        include_in_schema=False,
    )


@get("/{name:str}")
async def asset_file(
    assets: NamedDependency[SkipValidation[Assets]], name: FromPath[str], request: AnyRequest
) -> Response[bytes]:
    """A file of the build, compressed if the browser accepts it."""
    asset = assets.find(name)
    if asset is None:
        raise NotFoundException
    coding = _accepted(request.headers.get("accept-encoding", ""), asset.bodies)
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if coding:
        headers["Content-Encoding"] = coding
    return Response(asset.bodies[coding], media_type=asset.media_type, headers=headers)


def _read(path: Path) -> Asset:
    bodies = {"": path.read_bytes()}
    for coding, suffix in _CODINGS:
        packed = path.with_name(path.name + suffix)
        if packed.is_file():
            bodies[coding] = packed.read_bytes()
    return Asset(_MEDIA_TYPES[path.suffix], bodies)


def _accepted(accept_encoding: str, bodies: Mapping[str, bytes]) -> str:
    """The best coding that there is and that the header allows (RFC 9110 §12.5.3); `""` for none."""
    allowed = set()
    for part in accept_encoding.lower().split(","):
        name, _, parameter = part.partition(";")
        if parameter.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            allowed.add(name.strip())
    return next((coding for coding, _ in _CODINGS if coding in bodies and coding in allowed), "")
