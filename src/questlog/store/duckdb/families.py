"""Which events can be of one session by what they name (metrics.md §2): the family of a session.

A token's session is known by game and session id. Any other is known by game, player, session id and session number:
many clients use one session id for all. An event of a game server that names the id of a token's session is of that
session, also when the token comes later.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from questlog.model.event import Source
from questlog.store.duckdb.groups import I64, grouped
from questlog.store.key_index import KeyIndex
from questlog.store.keys import Keys, Mask, joined_keys, scattered, text_keys

_OWN = np.uint32(1 << 30)
_SERVERS = np.uint32(1 << 29)
"""Bits of the keys' domain: keys of sessions of one player, and of ids that servers named before a token did."""

_OF_TOKENS = (str(Source.SATORI_CLIENT), str(Source.SATORI_SYSTEM))


class Families(NamedTuple):
    """The families of a batch's events, numbered from 0.

    `of` has the family of each event, -1 where it names no session or no player; `firsts` an event of each family,
    `numbers` each family's `family_no`, 0 where it is new, and `keys` its key. `of_servers` are new families that
    servers can name; `is_late` says which new families of tokens servers may have named before.
    """

    of: I64
    firsts: I64
    numbers: I64
    is_of_token: Mask
    keys: Keys
    of_servers: I64
    is_late: Mask


class _Column(NamedTuple):
    """A column as numbers: which of the different values each row has, and how many there are."""

    codes: I64
    size: int


def families_of(events: pa.Table, player_no: I64, index: KeyIndex) -> Families:
    """The families of staged events, whose players are numbered (0: none)."""
    has_session = np.asarray(events["session_id"].is_valid().to_numpy(), np.bool_) & (player_no > 0)
    rows = np.flatnonzero(has_session)
    named = events.select(["game_id", "source", "player_id", "session_id", "session_num"])
    named = named.take(pa.array(rows)).combine_chunks() if len(rows) < events.num_rows else named.combine_chunks()
    games = np.asarray(named["game_id"].to_numpy(), np.int32)
    ids = _codes(named, "session_id")
    _, id_firsts, by_id = grouped(games.astype(np.int64) * ids.size + ids.codes)
    sources = named["source"].combine_chunks().dictionary_encode()
    names = sources.dictionary.to_pylist()
    source = sources.indices.to_numpy()
    is_token = np.isin(source, [place for place, name in enumerate(names) if name in _OF_TOKENS])
    is_server = np.isin(source, [place for place, name in enumerate(names) if name == str(Source.SATORI_SERVER)])
    has_token = np.zeros(len(id_firsts), np.bool_)
    has_token[by_id[is_token]] = True
    unsure = np.unique(by_id[is_server & ~has_token[by_id]])
    if len(unsure):
        has_token[unsure] = index.lookup(_id_keys(named, id_firsts[unsure], games))[1]
    is_of_token = is_token | (is_server & has_token[by_id])
    codes = _family_codes(by_id, player_no[rows], _codes(named, "session_num"), is_of_token)
    _, firsts, of = grouped(codes)
    of_token = is_of_token[firsts]
    keys = _keys(named, firsts, games, player_no[rows], of_token)
    numbers, is_known = index.lookup(keys)
    has_no_num = np.asarray(named["session_num"].is_null().to_numpy(), np.bool_)[firsts]
    of_servers = np.flatnonzero(has_no_num & ~of_token & ~is_known)
    is_late = of_token & ~is_known
    if is_late.any():
        late = np.flatnonzero(is_late)
        is_late[late] = index.lookup(_server_keys(_id_keys(named, firsts[late], games)))[1]
    of_all = np.full(len(player_no), -1, np.int64)
    of_all[rows] = of
    return Families(of_all, rows[firsts], numbers.astype(np.int64), of_token, keys, of_servers, is_late)


def stored_keys(rows: pa.Table) -> tuple[Keys, I64]:
    """The keys of stored sessions, and the place of the row that each is of.

    `rows` have game_id, player_no, session_id, session_num and is_of_token, in one chunk.
    """
    places = np.arange(rows.num_rows)
    games = np.asarray(rows["game_id"].to_numpy(), np.int32)
    of_token = np.asarray(rows["is_of_token"].to_numpy(), np.bool_)
    without_num = np.asarray(rows["session_num"].is_null().to_numpy(), np.bool_)
    of_servers = places[~of_token & without_num]
    players = np.asarray(rows["player_no"].to_numpy(), np.int64)
    keys = [_keys(rows, places, games, players, of_token), _server_keys(_id_keys(rows, of_servers, games))]
    return joined_keys(keys), np.concatenate([places, of_servers])


def server_keys_of(families: Families, events: pa.Table) -> Keys:
    """The keys under which ids named by servers first are remembered."""
    firsts = families.firsts[families.of_servers]
    games = np.asarray(events["game_id"].to_numpy(), np.int32)
    return _server_keys(_id_keys(events, firsts, games))


def token_keys(games: I64, session_ids: pa.Array) -> Keys:
    """The keys of sessions of tokens."""
    return text_keys(session_ids, games.astype(np.int32))


def _codes(rows: pa.Table, column: str) -> _Column:
    encoded = rows[column].combine_chunks().dictionary_encode()
    count = len(encoded.dictionary)
    return _Column(encoded.indices.fill_null(count).to_numpy(zero_copy_only=False).astype(np.int64), count + 1)


def _family_codes(by_id: I64, player_no: I64, nums: _Column, is_of_token: Mask) -> I64:
    """Equal where game and session id are, and for sessions of no token also the player and the session number."""
    _, players, by_player = grouped(player_no)
    own = (by_id * len(players) + by_player) * nums.size + nums.codes
    most = (int(by_id.max(initial=0)) + 1) * max(len(players), 1) * nums.size
    return np.where(is_of_token, most + by_id, own)


def _keys(
    rows: pa.Table, places: I64, games: np.ndarray[tuple[int], np.dtype[np.int32]], player_no: I64, of_token: Mask
) -> Keys:
    """The keys of the rows at these places: of tokens their id's, of others the id's mixed with player and number."""
    keys = _id_keys(rows, places, games)
    own = np.flatnonzero(~of_token)
    if not len(own):
        return keys
    nums = rows["session_num"].combine_chunks().take(pa.array(places[own]))
    has_num = np.asarray(nums.is_valid().to_numpy(zero_copy_only=False), np.uint64)
    num = np.asarray(nums.fill_null(0).to_numpy(), np.int64).astype(np.uint64)
    player, number = scattered(player_no[places[own]].astype(np.uint64)), scattered(num ^ (has_num << np.uint64(63)))
    keys.high[own] = scattered(keys.high[own] ^ player) ^ number
    keys.low[own] = scattered(keys.low[own] + player) + number
    keys.domain[own] |= _OWN
    return keys


def _id_keys(rows: pa.Table, places: I64, games: np.ndarray[tuple[int], np.dtype[np.int32]]) -> Keys:
    return text_keys(rows["session_id"].combine_chunks().take(pa.array(places)), games[places])


def _server_keys(keys: Keys) -> Keys:
    return keys._replace(domain=keys.domain | _SERVERS)
