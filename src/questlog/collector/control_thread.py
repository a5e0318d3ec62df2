"""The control database, asked without holding up the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from questlog.control.database import ControlDatabase
from questlog.control.errors import NotAllowed
from questlog.model.reasons import Reason, RequestRejected

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class ControlThread:
    """Asks the control database in one thread, so that a collector's writes do not compete."""

    def __init__(self, control: ControlDatabase) -> None:
        self._control = control
        self._thread = ThreadPoolExecutor(1, "control")

    async def ask(
        self,
        method: Callable[Concatenate[ControlDatabase, _Arguments], _Result],
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> _Result:
        """Call a method of `ControlDatabase`.

        Raises what it raises, and `RequestRejected(BAD_FIELD)` where an identity would have too many properties.
        """
        question = partial(method, self._control, *args, **kwargs)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, question)
        except NotAllowed as error:
            raise RequestRejected(Reason.BAD_FIELD, str(error)) from None

    def close(self) -> None:
        """Wait for what is under way."""
        self._thread.shutdown()
