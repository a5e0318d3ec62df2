"""Session tokens that are refused before they expire."""

from typing import NamedTuple, Protocol

from sqlalchemy import Connection, bindparam, case, delete, exists, literal, or_, select

from questlog.control.connections import Connections, insert
from questlog.control.part import REVOCATION_MARKER, Part
from questlog.control.tables import markers, revoked_identities, revoked_session_tokens
from questlog.model.clock import Clock

_ROWS_AT_A_TIME = 1_000

_IS_REVOKED = select(literal(1)).where(
    or_(
        exists().where(
            revoked_session_tokens.c.game_id == bindparam("game_id"),
            revoked_session_tokens.c.token_id == bindparam("token_id"),
        ),
        exists().where(
            revoked_identities.c.game_id == bindparam("game_id"),
            revoked_identities.c.identity_id == bindparam("identity_id"),
            revoked_identities.c.issued_through_s >= bindparam("issued_at_s"),
        ),
    )
)


class RevokedToken(NamedTuple):
    """One token that is refused."""

    game_id: int
    token_id: str
    expires_at_s: int


class RevokedIdentity(NamedTuple):
    """An identity whose tokens are refused that were issued in or before a second."""

    game_id: int
    identity_id: str
    issued_through_s: int
    expires_at_s: int


class RevocationSink(Protocol):
    """Takes revocations, those that it has already too."""

    def add_token(self, revoked: RevokedToken) -> None:
        """Refuse one token."""
        ...

    def add_identity(self, revoked: RevokedIdentity) -> None:
        """Refuse the tokens of an identity."""
        ...


class Revocations(Part):
    """Refused session tokens: single ones, and all of an identity up to a second.

    Exact at once in every process: asking reads the database, an indexed lookup without SQLAlchemy's overhead.
    """

    def __init__(self, connections: Connections, clock: Clock) -> None:
        super().__init__(connections, clock)
        self._is_revoked = connections.lookup(_IS_REVOKED)

    def is_revoked(self, game_id: int, identity_id: str, token_id: str, issued_at_s: int) -> bool:
        """Whether the token is refused. `token_id` as in `revoke_session`; `issued_at_s`: the claim `iat`."""
        values = {
            "game_id": game_id,
            "identity_id": identity_id,
            "token_id": token_id,
            "issued_at_s": issued_at_s,
        }
        return self._is_revoked.value(values) is not None

    def revoke_session(self, game_id: int, token_id: str, expires_at_s: int) -> None:
        """Refuse one token from now on. `token_id` is any text that tells it from others: its `sid`, or a hash of it.

        The revocation itself may be forgotten after `expires_at_s`, when the token has expired anyway.
        """
        row: dict[str, object] = {"game_id": game_id, "token_id": token_id, "expires_at_s": expires_at_s}
        with self._connections.write() as connection:
            row["change_no"] = self._next_change(connection)
            add = insert(connection, revoked_session_tokens).values(row)
            connection.execute(add.on_conflict_do_nothing())

    def revoke_all(self, game_id: int, identity_id: str, issued_through_s: int, expires_at_s: int) -> None:
        """Refuse every token of the identity issued in or before the second `issued_through_s`.

        `expires_at_s` is when the last of them expires. A token issued later in the same second needs a later `iat`:
        see `first_issue_s`.
        """
        table = revoked_identities
        row: dict[str, object] = {
            "game_id": game_id,
            "identity_id": identity_id,
            "issued_through_s": issued_through_s,
            "expires_at_s": expires_at_s,
        }
        with self._connections.write() as connection:
            row["change_no"] = self._next_change(connection)
            add = insert(connection, table).values(row)
            later = {
                name: case((table.c[name] > add.excluded[name], table.c[name]), else_=add.excluded[name])
                for name in ("issued_through_s", "expires_at_s", "change_no")
            }
            connection.execute(
                add.on_conflict_do_update(index_elements=[table.c.game_id, table.c.identity_id], set_=later)
            )

    def read_revocations(self, after: int, sink: RevocationSink) -> int:
        """Give `sink` what was revoked after the change of this number, -1 for all; the number of the last change."""
        tokens, owners = revoked_session_tokens, revoked_identities
        token_columns = (tokens.c.game_id, tokens.c.token_id, tokens.c.expires_at_s)
        owner_columns = (owners.c.game_id, owners.c.identity_id, owners.c.issued_through_s, owners.c.expires_at_s)
        some_at_a_time = {"yield_per": _ROWS_AT_A_TIME}
        with self._connections.read() as connection:
            # First: on a database without snapshot isolation the rest may be newer than the number, never older.
            last = connection.execute(select(markers.c.value).where(markers.c.name == REVOCATION_MARKER)).scalar()
            if (last or 0) <= after:
                return after
            some = select(*token_columns).where(tokens.c.change_no > after)
            for token in connection.execute(some, execution_options=some_at_a_time):
                sink.add_token(RevokedToken(*token))
            all_of = select(*owner_columns).where(owners.c.change_no > after)
            for owner in connection.execute(all_of, execution_options=some_at_a_time):
                sink.add_identity(RevokedIdentity(*owner))
        return last or 0

    def first_issue_s(self, game_id: int, identity_id: str, now_s: int) -> int:
        """The `iat` for a token issued now: `now_s`, or the first second that `revoke_all` has not refused."""
        table = revoked_identities
        query = select(table.c.issued_through_s).where(table.c.game_id == game_id, table.c.identity_id == identity_id)
        with self._connections.read() as connection:
            issued_through_s = connection.execute(query).scalar()
        return now_s if issued_through_s is None else max(now_s, issued_through_s + 1)

    def _next_change(self, connection: Connection) -> int:
        """The number of this change. Forgets what has expired: after the number, so one transaction at a time."""
        change_no = self._next_number(connection, REVOCATION_MARKER)
        now_s = self._clock.now_us() // 1_000_000
        for table in (revoked_session_tokens, revoked_identities):
            connection.execute(delete(table).where(table.c.expires_at_s < now_s))
        return change_no
