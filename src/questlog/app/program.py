"""Which program this is: its version, and its code."""

import hashlib
from pathlib import Path

from questlog.app.vitals import build

_PACKAGE = Path(__file__).parents[1]


def program_id(package: Path = _PACKAGE) -> str:
    """The version and a digest of the package's Python files: another one whenever answers may be computed otherwise.

    A version alone is not enough: a checkout changes without it.
    """
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return f"{build().version}+{digest.hexdigest()[:12]}"
