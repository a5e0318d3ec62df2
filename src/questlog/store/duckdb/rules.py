"""What the store computes sessions and days by, beside what is stored."""

from typing import NamedTuple

from questlog.store.duckdb.days import LocalDays


class SessionRules(NamedTuple):
    """How long after a session's last event one without a session is still of it, and which gap begins a new one."""

    grace_s: int
    gap_us: int


class Rules(NamedTuple):
    """The zones of games and the rules of sessions."""

    days: LocalDays
    sessions: SessionRules
