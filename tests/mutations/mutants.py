"""The changes: one for each rule, as the text of the source that is replaced."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """`old` occurs once in the file; with `new` in its place the rule does not hold. `tests` are those of the rule."""

    rule: str
    path: str
    old: str
    new: str
    tests: str

    @property
    def arguments(self) -> list[str]:
        """What pytest is to run."""
        return self.tests.split()

    def applied(self, source: str) -> str:
        """The source with the change. Raises `ValueError` where the text is not there once."""
        if source.count(self.old) != 1:
            raise ValueError(f"{self.path} has {source.count(self.old)} times: {self.old}")
        return source.replace(self.old, self.new)


_METRICS = "tests/contract/analytics/test_metrics.py"
_STORED = "tests/contract/analytics/test_stored.py"
_FUNNELS = "tests/contract/analytics/test_funnel_matching.py tests/contract/analytics/test_funnels.py"
_SESSIONS = f"{_STORED} tests/field/test_sessions.py"
_ANALYTICS = "src/questlog/analytics"
_STORE = "src/questlog/store/duckdb"


def _players(rule: str, path: str, old: str, new: str) -> Mutant:
    return Mutant(rule, f"{_ANALYTICS}/{path}", old, new, f"{_METRICS} -k players")


def _money(rule: str, path: str, old: str, new: str) -> Mutant:
    return Mutant(rule, f"{_ANALYTICS}/{path}", old, new, f"{_METRICS} -k money")


MUTANTS = (
    # values of events, sessions and players
    _players(
        "players of one dimension are the rows with its bit",
        "metrics/sources/player_day_values.py",
        "return 1 << DIMENSIONS.index(names[0])",
        "return 1 << len(DIMENSIONS)",
    ),
    _players(
        "days with one combination only need no telling apart, others do",
        "metrics/sources/player_day_values.py",
        "others = counts & ~rows.is_only",
        "others = counts & rows.is_only",
    ),
    Mutant(
        "a row is the day's first with its value",
        f"{_STORE}/rollups/player_day_values.py",
        "_, firsts, _ = grouped(days[mixed] * width + values)",
        "_, firsts, _ = grouped(days[mixed])",
        _STORED,
    ),
    Mutant(
        "a second combination ends that the first is the only one",
        f"{_STORE}/rollups/player_day_values.py",
        "SET is_only = false",
        "SET is_only = true",
        _STORED,
    ),
    _players(
        "returning players are not new in the bucket",
        "metrics/sources/player_days.py",
        "is_new & (bucket == first)",
        "is_new & (bucket != first)",
    ),
    _players(
        "a player is new in a bucket only within the period",
        "metrics/sources/player_days.py",
        "is_new = query.days.holds_day(first_day)",
        "is_new = first_day.notnull()",
    ),
    Mutant(
        "players are what they were at install",
        f"{_ANALYTICS}/selection/rows.py",
        "return _with_event(players, of_event, selection, row_of_rank(players.first_rank))",
        "return _with_event(players, of_event, selection, row_of_rank(players.first_rank) + 1)",
        f"{_METRICS} -k retention",
    ),
    Mutant(
        "sessions count by their first event",
        f"{_ANALYTICS}/selection/rows.py",
        "selection, row_of_rank(sessions.first_rank))",
        "selection, row_of_rank(sessions.first_rank) + 1)",
        f"{_METRICS} -k engagement",
    ),
    Mutant(
        "a payer is one from the day of the first purchase on",
        f"{_ANALYTICS}/selection/dimensions.py",
        'rows["player:first_purchase"] <= rows[_DAY]',
        'rows["player:first_purchase"] < rows[_DAY]',
        f"{_METRICS} -k players",
    ),
    # sessions
    Mutant(
        "a gap of exactly the longest keeps a session together",
        f"{_STORE}/runs.py",
        "is_start[1:] |= first[1:] - ends[:-1] > gap_us",
        "is_start[1:] |= first[1:] - ends[:-1] >= gap_us",
        _SESSIONS,
    ),
    Mutant(
        "sessions of one id are each player's own",
        f"{_STORE}/families.py",
        "own = (by_id * len(players) + by_player) * nums.size + nums.codes",
        "own = by_id * len(players) * nums.size + nums.codes",
        _SESSIONS,
    ),
    Mutant(
        "the client's count tells sessions apart",
        f"{_STORE}/families.py",
        "own = (by_id * len(players) + by_player) * nums.size + nums.codes",
        "own = (by_id * len(players) + by_player) * nums.size",
        _SESSIONS,
    ),
    Mutant(
        "what servers say of a token's session is of it",
        f"{_STORE}/families.py",
        "is_of_token = is_token | (is_server & has_token[by_id])",
        "is_of_token = is_token",
        _SESSIONS,
    ),
    Mutant(
        "a session does not begin before the one before it has ended",
        f"{_STORE}/runs.py",
        "counts[rows] = times[rows] > before",
        "counts[rows] = times[rows] > _LONG_AGO",
        _SESSIONS,
    ),
    Mutant(
        "late events join sessions",
        f"{_STORE}/runs.py",
        "is_doubtful = stored > 1",
        "is_doubtful = stored > 9",
        _SESSIONS,
    ),
    Mutant(
        "no session is longer than 31 days",
        f"{_STORE}/rollups/sessions.py",
        "_MOST_S = 31 * 86_400",
        "_MOST_S = 3100 * 86_400",
        _SESSIONS,
    ),
    # money
    _money(
        "a refund counts against revenue",
        "metrics/sources/purchases.py",
        "Quantity.REVENUE: lambda rows, where: rows.amount_usd.sum(where=where)",
        "Quantity.REVENUE: lambda rows, where: rows.amount_usd.abs().sum(where=where)",
    ),
    _money(
        "a refund is no transaction",
        "metrics/sources/purchases.py",
        "Quantity.TRANSACTIONS: lambda rows, where: rows.count(where=where & ~rows.is_refund)",
        "Quantity.TRANSACTIONS: lambda rows, where: rows.count(where=where)",
    ),
    _money(
        "a player who was only refunded does not pay",
        "metrics/sources/purchases.py",
        "Quantity.PAYING_PLAYERS: lambda rows: ~rows.is_refund",
        "Quantity.PAYING_PLAYERS: lambda rows: rows.player_no.notnull()",
    ),
    _money(
        "what was refunded is positive",
        "metrics/sources/purchases.py",
        "-rows.amount_usd.sum(where=where & rows.is_refund)",
        "rows.amount_usd.sum(where=where & rows.is_refund)",
    ),
    _money(
        "arppu counts payers of priced purchases only",
        "metrics/catalogue.py",
        "(revenue, count(Quantity.PRICED_PAYERS))",
        "(revenue, count(Quantity.PAYING_PLAYERS))",
    ),
    _money(
        "revenue per transaction counts priced purchases only",
        "metrics/catalogue.py",
        "(revenue, count(Quantity.PRICED_TRANSACTIONS))",
        "(revenue, count(Quantity.TRANSACTIONS))",
    ),
    _money(
        "who converts does so with the first purchase",
        "metrics/sources/purchases.py",
        "first=bought.event_time.min()",
        "first=bought.event_time.max()",
    ),
    Mutant(
        "an amount of 0 is no purchase",
        f"{_STORE}/rollups/purchases.py",
        'has_amount = np.flatnonzero(pc.fill_null(pc.not_equal(events["amount"], 0), False).to_numpy())',
        'has_amount = np.flatnonzero(events["amount"].is_valid().to_numpy())',
        _STORED,
    ),
    # days of zones
    Mutant(
        "days of an engine are those of the segment",
        f"{_ANALYTICS}/selection/buckets.py",
        "is_before = time < timestamp(segments[half].start_us)",
        "is_before = time <= timestamp(segments[half].start_us)",
        f"{_METRICS} tests/contract/analytics/test_explore.py tests/contract/analytics/test_queries.py",
    ),
    Mutant(
        "hours begin where the clock is changed",
        f"{_ANALYTICS}/selection/buckets.py",
        'later = ibis.greatest(_start_us(us, after, width_us), ibis.literal(start, "int64"))',
        "later = _start_us(us, after, width_us)",
        f"{_METRICS} -k players",
    ),
    Mutant(
        "a period holds no other day that a zone has between its days",
        f"{_ANALYTICS}/selection/buckets.py",
        "return is_between if self.zone.is_exact(start, end) else",
        "return is_between if self.zone.is_exact(start, end) or True else",
        f"{_METRICS} {_FUNNELS}",
    ),
    Mutant(
        "a date that the zone skipped has no bucket",
        "src/questlog/model/calendar.py",
        "[day for day in all_days if self.has_day(day)]",
        "all_days",
        f"{_METRICS} -k retention",
    ),
    Mutant(
        "a moment belongs to the segment that it begins",
        f"{_STORE}/days.py",
        'np.searchsorted(starts, times, "right")',
        'np.searchsorted(starts, times, "left")',
        _STORED,
    ),
    Mutant(
        "days of stored rows are those of the zone, too",
        f"{_STORE}/days.py",
        "WHEN epoch_us({time}) >= {start:d} THEN",
        "WHEN epoch_us({time}) > {start:d} THEN",
        _STORED,
    ),
    Mutant(
        "the running day is the zone's",
        f"{_ANALYTICS}/metrics/sources/cohorts.py",
        "rows.first_day < query.selection.today - dt.timedelta(days=days)",
        "rows.first_day <= query.selection.today - dt.timedelta(days=days)",
        f"{_METRICS} -k retention",
    ),
    # funnels
    Mutant(
        "an attempt begins in the period",
        f"{_ANALYTICS}/analyses/funnel.py",
        "bucket_from[end] = -1",
        "bucket_from[end] = bucket",
        _FUNNELS,
    ),
    Mutant(
        "later steps may follow the period",
        f"{_ANALYTICS}/analyses/funnel.py",
        "question.period.end + dt.timedelta(days=days)",
        "question.period.end",
        _FUNNELS,
    ),
    Mutant(
        "an attempt whose window has ended is not open",
        f"{_ANALYTICS}/analyses/funnel_attempts.py",
        "(self.start_us + window_us >= now_us)",
        "(self.start_us >= 0)",
        _FUNNELS,
    ),
    # times
    Mutant(
        "a time before the earliest is none",
        "src/questlog/loader/times.py",
        "is_known = client >= earliest_us",
        "is_known = client > EARLIEST_US",
        f"{_STORED} tests/field/test_times.py",
    ),
    Mutant(
        "clocks ahead are moved back together",
        "src/questlog/loader/times.py",
        "return times - latest[groups] + received_at",
        "return received_at",
        f"{_STORED} tests/field/test_times.py",
    ),
    Mutant(
        "each player's clock is moved back by its own amount",
        "src/questlog/loader/times.py",
        "return np.unique(pairs, return_inverse=True)[1]",
        "return np.zeros(len(pairs), np.int64)",
        f"{_STORED} tests/field/test_times.py",
    ),
)
