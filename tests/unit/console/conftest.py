from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import FakeConsole


@pytest.fixture
def console(tmp_path: Path) -> Iterator[FakeConsole]:
    fake = FakeConsole(tmp_path)
    yield fake
    fake.close()
