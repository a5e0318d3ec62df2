"""A build hook: a wheel without the front-end build is refused, because it would start and then miss its files."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = (
    "src/questlog/_built/api-docs/index.html",
    "src/questlog/_built/api-docs/start.js",
    "src/questlog/_built/api-docs/swagger-ui.css",
    "src/questlog/_built/api-docs/swagger-ui-bundle.js",
    "src/questlog/_built/country.mmdb",
)


class RequireBuilt(BuildHookInterface[Any]):
    """Refuses to build while a file of the front-end build is missing. An editable install is let through."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (hatchling's signature)
        """Raises `FileNotFoundError` naming the missing files."""
        missing = [path for path in BUILT if not (Path(self.root) / path).is_file()]
        if version != "editable" and missing:
            raise FileNotFoundError(f"{', '.join(missing)}: run `make wheel`, which builds the front end first")
