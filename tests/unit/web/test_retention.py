import pytest

from questlog.analytics.selection.dimensions import check_installed_dimension
from questlog.web.pages.retention import DIMENSIONS


@pytest.mark.parametrize("name", [name for name in DIMENSIONS if name])
def test_curves_can_be_split_by_every_dimension_that_is_offered(name: str) -> None:
    check_installed_dimension("group_by[0]", name)
