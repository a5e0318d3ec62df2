"""Who acts, as the audit log says it. It is set once for a request or a command and read where a change is recorded."""

from contextvars import ContextVar

import msgspec

MAX_WHO = 300


class Actor(msgspec.Struct, frozen=True):
    """Who does something, and the address of the client; None for this machine."""

    who: str
    address: str | None = None


SERVER = Actor("server")

_acting: ContextVar[Actor] = ContextVar("acting", default=SERVER)


def act_as(actor: Actor) -> None:
    """From here on, in this task or thread and in what it starts, changes are recorded as this actor's."""
    _acting.set(actor)


def acting() -> Actor:
    """Who acts here; the server itself where nobody was named."""
    return _acting.get()
