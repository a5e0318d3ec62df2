"""What events are known again by (metrics.md §7): the client's id with the player, or the key of a resent request."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from questlog.store.duckdb.groups import I64
from questlog.store.key_index import KeyIndex
from questlog.store.keys import Keys, Mask, joined_keys, recognised_keys, scattered, text_keys

RESEND_WINDOW_S = 86_400
"""A request that comes again within this is a resend."""

_RESENT = np.uint32(1 << 28)
"""A bit of the domain: keys of resent requests are no ids."""


class EventIds(NamedTuple):
    """The ids of a batch's events. `keys` are of the clients' ids alone, `own` of each with its player.

    `resend_keys` are texts, null where the client may not send the event again without an id.
    """

    has_id: Mask
    is_uuid: Mask
    keys: Keys
    own: Keys
    resend_keys: pa.StringArray
    games: I64

    @classmethod
    def of(cls, events: pa.Table) -> "EventIds":
        """The ids of staged events in one chunk."""
        texts = _column(events, "client_event_id")
        has_id = np.asarray(texts.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        games = np.asarray(_column(events, "game_id").to_numpy(), np.int64)
        filled = texts.fill_null("") if texts.null_count else texts
        keys, is_uuid = recognised_keys(filled, games.astype(np.int32), fold_case=True)
        own = with_players(keys, _column(events, "player_id"))
        return cls(has_id, is_uuid, keys, own, _column(events, "resend_key"), games)

    def take(self, mask: Mask) -> "EventIds":
        """Those where the mask is true."""
        return EventIds(
            self.has_id[mask],
            self.is_uuid[mask],
            self.keys.take(mask),
            self.own.take(mask),
            self.resend_keys.filter(pa.array(mask)),
            self.games[mask],
        )

    def remembered(self, received_s: I64) -> tuple[Keys, I64]:
        """The keys to know the events again by, and when each was received."""
        places, resent = self.resent()
        keys = self.own.take(self.has_id)
        if not len(places):
            return keys, received_s[self.has_id]
        return joined_keys([keys, resent]), np.concatenate([received_s[self.has_id], received_s[places]])

    def resent(self) -> tuple[I64, Keys]:
        """The places of events without an id that have a resend key, and the keys."""
        if self.resend_keys.null_count == len(self.resend_keys):
            return np.zeros(0, np.int64), self.keys.take(np.zeros(0, np.intp))
        has_key = np.asarray(self.resend_keys.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        places = np.flatnonzero(has_key & ~self.has_id)
        return places, resend_keys(self.resend_keys.take(pa.array(places)), self.games[places])

    def resends(self, rows: pa.Table, received_s: I64) -> pa.Table:
        """The rows for the table of resend keys; `rows` are the events' own, in the same order."""
        places = pa.array(self.resent()[0])
        columns = {"row_no": rows["row_no"].take(places), "game_id": rows["game_id"].take(places)}
        columns["resend_key"] = self.resend_keys.take(places)
        columns["received_s"] = pa.array(received_s).take(places)
        return pa.table(columns)


def with_players(keys: Keys, players: pa.StringArray) -> Keys:
    """Keys of ids within a player: each half is another one for another player, and for none it stays."""
    encoded = players.dictionary_encode()
    count = len(encoded.dictionary)
    if not count:
        return keys
    of_players = text_keys(encoded.dictionary, np.zeros(count, np.int32))
    codes = encoded.indices.fill_null(count).to_numpy(zero_copy_only=False)
    high, low = (np.append(scattered(half), np.uint64(0))[codes] for half in (of_players.high, of_players.low))
    has_player = codes < count
    return Keys(
        np.where(has_player, scattered(keys.high ^ high), keys.high),
        np.where(has_player, scattered(keys.low ^ low), keys.low),
        keys.domain,
    )


def resend_keys(texts: pa.StringArray, games: I64) -> Keys:
    """The keys of events of requests that may come again."""
    keys = text_keys(texts, games.astype(np.int32))
    return keys._replace(domain=keys.domain | _RESENT)


def duplicates(ids: EventIds, received_s: I64, index: KeyIndex, window_s: int) -> Mask:
    """Events received before within the window, in the store or earlier in the batch."""
    is_duplicate = np.zeros(len(received_s), np.bool_)
    places = np.flatnonzero(ids.has_id)
    is_duplicate[places] = _repeated(ids.own.take(places), received_s[places], index, window_s)
    places, keys = ids.resent()
    if len(places):
        is_duplicate[places] = _repeated(keys, received_s[places], index, RESEND_WINDOW_S)
    return is_duplicate


def _repeated(keys: Keys, received_s: I64, index: KeyIndex, window_s: int) -> Mask:
    is_repeated = index.has_near(keys, received_s.astype(np.uint32), window_s)
    places = np.flatnonzero(~is_repeated)
    keys = keys.take(places)
    in_order = np.sort(keys.high)
    if not (in_order[1:] == in_order[:-1]).any():
        return is_repeated
    order = np.lexsort((places, keys.domain, keys.low, keys.high))
    keys, places = keys.take(order), places[order]
    is_same = np.zeros(len(places), np.bool_)
    is_same[1:] = np.logical_and.reduce([column[1:] == column[:-1] for column in keys])
    kept: list[int] = []
    for at in np.flatnonzero(is_same).tolist():
        if not is_same[at - 1]:
            kept = [int(received_s[places[at - 1]])]
        time = int(received_s[places[at]])
        if any(abs(time - other) <= window_s for other in kept):
            is_repeated[places[at]] = True
        else:
            kept.append(time)
    return is_repeated


def _column(events: pa.Table, name: str) -> pa.Array:
    return events[name].combine_chunks()
