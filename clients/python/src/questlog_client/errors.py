"""What can go wrong, by what one would do about it."""


class QuestlogError(Exception):
    """Every error of this package. The message is for people."""


class Refused(QuestlogError):
    """The server cannot answer the question as it was asked.

    `code` is the server's, for programs. `field` is the path of the value at fault, `nearest` a value that would do
    there; both are None where the server names none.
    """

    def __init__(self, message: str, code: str = "", field: str | None = None, nearest: str | None = None) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message = message
        self.code = code
        self.field = field
        self.nearest = nearest


class Unauthenticated(QuestlogError):
    """No token, or not a valid one."""


class NotFound(QuestlogError):
    """There is no such game."""


class Busy(QuestlogError):
    """The server has too much to do; `retry_after_s` (seconds) says when to try again, None where it does not say."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unreachable(QuestlogError):
    """No server answers, or not in time."""


class ServerFailed(QuestlogError):
    """The server answered something that it should not; `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
