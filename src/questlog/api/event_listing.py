"""Which events a route lists."""

from questlog.api.errors import bad_value
from questlog.store.named_reads import EventFilter, Listing


def check_filter(listing: Listing, which: EventFilter) -> None:
    """Raises `ApiError` 400 for a filter that the table has no column for."""
    for name in which.__struct_fields__:
        if getattr(which, name) not in (None, ()) and name not in listing.filters:
            raise bad_value(name, f"`{name}` cannot filter {listing.table.replace('_', ' ')}")
