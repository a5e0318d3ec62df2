"""The identities that a collector has met lately, so that the control database is asked about each once a minute."""

from collections import OrderedDict
from collections.abc import Set as AbstractSet

_CAPACITY = 20_000  # some 6 MB
_RECENT_US = 60_000_000


class RecentIdentities:
    """Identities that were in the control database within the last minute; the oldest make room for new ones."""

    def __init__(self) -> None:
        self._met_at: OrderedDict[tuple[int, str], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._met_at)

    def unmet(self, game_id: int, identity_ids: AbstractSet[str], now_us: int) -> set[str]:
        """Those of the ids that may not be in the control database."""
        since = now_us - _RECENT_US
        return {each for each in identity_ids if self._met_at.get((game_id, each), 0) < since}

    def add(self, game_id: int, identity_ids: AbstractSet[str], now_us: int) -> None:
        """These ids are in the control database now."""
        for identity_id in identity_ids:
            self._met_at[game_id, identity_id] = now_us
            self._met_at.move_to_end((game_id, identity_id))
        while len(self._met_at) > _CAPACITY:
            self._met_at.popitem(last=False)

    def forget(self, game_id: int, identity_id: str) -> None:
        """This one is deleted."""
        self._met_at.pop((game_id, identity_id), None)
