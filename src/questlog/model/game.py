"""A game and the keys that its clients and servers sign with."""

import msgspec


class Game(msgspec.Struct, frozen=True):
    """One game.

    `game_key` (32 characters) and `secret_key` (40) are GameAnalytics' pair. With `is_strict`, Satori events whose name
    is not in `event_names` are dropped; otherwise any name is taken. With `is_lenient`, an optional annotation
    that breaks its rule goes to `attributes.invalid` instead of dropping the event. The game's days are those of
    `time_zone`, a name of the IANA database. Its events are kept for `keep_days` days: 0 means for ever, None what the
    setting `event.keep_days` says. `old_secret_key`, the key before the last rotation, is accepted before
    `old_secret_until` (UTC microseconds).
    """

    game_id: int
    name: str
    game_key: str
    secret_key: str
    is_enabled: bool = True
    is_strict: bool = False
    event_names: frozenset[str] = frozenset()
    time_zone: str = "UTC"
    is_lenient: bool = False
    keep_days: int | None = None
    old_secret_key: str | None = None
    old_secret_until: int = 0

    def old_secret_key_at(self, now_us: int) -> str | None:
        """The key before the last rotation, as long as requests may be signed with it."""
        return self.old_secret_key if now_us < self.old_secret_until else None


class ApiKey(msgspec.Struct, frozen=True):
    """A Satori API key: `key` is a lower-case UUID, `name` travels with the events sent with it.

    A key that was replaced is accepted before `ends_at` (UTC microseconds).
    """

    game_id: int
    name: str
    key: str
    ends_at: int | None = None
