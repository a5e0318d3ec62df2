"""The numbers of events whose distribution is kept by day, for medians and percentiles without looking at events.

Numbers are told apart by their value, and beside that counted in bins: those that agree in sign, exponent and the first
six binary digits of the fraction. So bins are in the numbers' order, at most 1.6 % wide, and whole numbers below 128
have one each. A bin says nearly where a quantile lies, and only the numbers of that bin have to be looked at.
"""

import enum

import msgspec

BIN_SHIFT = 46
"""The binary digits of a number (IEEE 754, 64 of them) that its bin does not tell."""

MOST_ENTRIES = 121
"""A table of samples has an entry for each value from 0; those behind are cut off (spec GameAnalytics §3.11)."""

MOST_SAMPLES = 1_000_000_000
"""Of one entry of a table; more comes from a damaged one."""


class Form(enum.StrEnum):
    """Where an event has its numbers."""

    VALUE = "value"  # its `value`
    NUMBER = "number"  # an attribute that is a number
    TABLE = "table"  # an attribute that says of each value how many samples had it


class Distribution(msgspec.Struct, frozen=True):
    """Numbers of the events of a category. `field` names them in `value_counts`, and is the attribute that has them."""

    field: str
    category: str
    form: Form


DESIGN_VALUES = Distribution("design_value", "design", Form.VALUE)
BOOT_TIMES = Distribution("app_boot_time", "sdk_init", Form.NUMBER)

FRAME_RATES = Distribution("fps_data_table", "health", Form.TABLE)
MEMORY_USED = Distribution("memory_sys_data_table", "health", Form.TABLE)
APP_MEMORY_USED = Distribution("memory_app_data_table", "health", Form.TABLE)

DISTRIBUTIONS = (DESIGN_VALUES, BOOT_TIMES, FRAME_RATES, MEMORY_USED, APP_MEMORY_USED)
"""In the order of their numbers in keys, which are stored: new ones go to the end, with a migration."""
