"""Which events a route lists, and from which page on."""

from questlog.api.errors import bad_value
from questlog.store.named_reads import EventFilter, Listing, Page


def check_filter(listing: Listing, which: EventFilter) -> None:
    """Raises `ApiError` 400 for a filter that the table has no column for."""
    for name in which.__struct_fields__:
        if getattr(which, name) not in (None, ()) and name not in listing.filters:
            raise bad_value(name, f"`{name}` cannot filter {listing.table.replace('_', ' ')}")


def parse_page(text: str | None) -> Page | None:
    """The page that a `next` of an earlier answer names. Raises `ApiError` 400 for another text."""
    if text is None:
        return None
    received_at, _, number = text.partition("-")
    if not _is_number(received_at) or not _is_number(number):
        raise bad_value("before", "`before` must be the `next` of an earlier answer")
    return Page(int(received_at), int(number))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
