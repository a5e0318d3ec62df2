"""The keys that tell whether an event was stored before: of game, player and the client's id or what stands in for it.

A resend key stands in where a client gave no id in a body that it may send again. Its hash is kept as the event's UUID,
of version 5, which no other event without an id has: so these keys are found in the table again.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from questlog.store.keys import U32, U64, Keys, mix, text_keys

RESEND_VERSION = 5
_RESENT = np.uint32(1 << 30)
"""A bit of the keys' domain: keys of resend keys."""


def resend_halves(high: U64, low: U64) -> tuple[U64, U64]:
    """The halves of a hash as those of a UUID."""
    version = np.uint64(RESEND_VERSION << 12)
    return (high & np.uint64(0xFFFFFFFFFFFF0FFF)) | version, (low & np.uint64((1 << 62) - 1)) | np.uint64(1 << 63)


def resend_domain(games: npt.NDArray[np.int32]) -> U32:
    """The domain of keys that stand in for an id."""
    return games.astype(np.uint32) | _RESENT


def keys_of_players(keys: Keys, player_ids: pa.StringArray) -> Keys:
    """The keys with each event's player in them; null: without one."""
    encoded = player_ids.dictionary_encode()
    names = encoded.dictionary
    if not len(names):
        return keys
    players = text_keys(names, np.zeros(len(names), np.int32))
    high, low = (np.append(half, np.uint64(0)) for half in (mix(players.high ^ ~players.low), mix(players.low)))
    codes = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    has_player = codes < len(names)
    return Keys(
        np.where(has_player, mix(keys.high + high[codes]), keys.high),
        np.where(has_player, mix(keys.low + low[codes]), keys.low),
        keys.domain,
    )
