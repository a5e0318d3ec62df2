"""What it takes to decode a record of the journal again."""

from typing import NamedTuple

from questlog.loader.money import Converter
from questlog.loader.receipts import Receipts
from questlog.loader.sources import EventSources
from questlog.model.times import DEFAULT_EARLIEST_US


class Decoding(NamedTuple):
    """The codecs, the rates, the cap on an inflated body in bytes, what receipts are checked with, and the time before
    which a client's clock is wrong (UTC microseconds).

    Collectors capped a body when they took it, by a setting that may have been larger then: a cap here that is no
    larger than theirs could refuse what was acknowledged.
    """

    sources: EventSources
    converter: Converter
    max_inflated_bytes: int = 2**30
    receipts: Receipts = Receipts()
    earliest_us: int = DEFAULT_EARLIEST_US
