"""What the control database can say no to. Every message is one line, safe to show."""

from typing import ClassVar


class ControlError(Exception):
    """The control database did not do it."""


class Refused(ControlError):
    """The database answers, and what was asked for cannot be: the message says why."""


class NotFound(Refused):
    """There is no such thing."""


class AlreadyExists(Refused):
    """A name or a key is taken."""


class NotAllowed(Refused):
    """A name, key or value breaks a rule that the message states."""


class ControlUnavailable(ControlError):
    """The database cannot be reached, is locked for too long, or is of another version."""

    raised: ClassVar[int] = 0
    """How often in this process, for /metrics. Counted here: whoever catches one may answer it in many ways."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        ControlUnavailable.raised += 1


class Collision(ControlUnavailable):
    """The database undid the transaction in favour of another one. The same transaction may succeed now."""
