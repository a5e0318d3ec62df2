"""A build hook: a wheel without the front-end build is refused, because it would start and then miss its files.

A wheel built in a git checkout carries the commit (`questlog/_built/commit`), which `/metrics` shows.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = (
    "src/questlog/_built/api-docs/index.html",
    "src/questlog/_built/api-docs/start.js",
    "src/questlog/_built/api-docs/swagger-ui.css",
    "src/questlog/_built/api-docs/swagger-ui-bundle.js",
    "src/questlog/_built/country.mmdb",
    "src/questlog/_built/web/manifest.json",
    "src/questlog/_built/web/THIRD_PARTY.txt",
)


class RequireBuilt(BuildHookInterface[Any]):
    """Refuses to build while a file of the front-end build is missing. An editable install is let through."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises `FileNotFoundError` naming the missing files."""
        missing = [path for path in BUILT if not (Path(self.root) / path).is_file()]
        if version != "editable" and missing:
            raise FileNotFoundError(f"{', '.join(missing)}: run `make wheel`, which builds the front end first")
        if version != "editable" and self.target_name == "wheel" and (Path(self.root) / ".git").exists():
            self._carry_commit(build_data)

    def _carry_commit(self, build_data: dict[str, Any]) -> None:
        git = shutil.which("git")
        if git is None:
            return
        found = subprocess.run([git, "rev-parse", "HEAD"], cwd=self.root, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            file = Path(self.directory) / ".commit"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(found.stdout, encoding="ascii")
            build_data["force_include"][str(file)] = "questlog/_built/commit"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Removes what the wheel has taken in."""
        (Path(self.directory) / ".commit").unlink(missing_ok=True)
