"""The two engines with a module's `ROWS`, for tests that ask both."""

from collections.abc import Iterator

import pytest

from questlog.analytics.engine.context import Context
from tests.support.asked import context_of
from tests.support.engines import BothEngines, ExactOnly, embedded_store
from tests.support.staged import NOON, batch


@pytest.fixture(scope="module")
def engines(request: pytest.FixtureRequest) -> Iterator[BothEngines]:
    """A store and its copy in ClickHouse, with the rows that the module of the test calls `ROWS`."""
    with embedded_store() as store:
        store.load(batch(request.module.ROWS), NOON)
        yield BothEngines(store)


@pytest.fixture(params=["duckdb", "clickhouse"])
def engine(request: pytest.FixtureRequest, engines: BothEngines) -> ExactOnly:
    """Each of them in turn."""
    return engines.duckdb if request.param == "duckdb" else engines.clickhouse


@pytest.fixture
def context(engine: ExactOnly) -> Context:
    """A question's surroundings on each of them in turn."""
    return context_of(engine)
