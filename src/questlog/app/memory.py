"""Keeps the server within the memory that it may use (`memory.server_mb`).

The engine keeps to a limit of its own, half of that. What else grows is what questions hold and what allocators keep of
what was freed: above the limit the latter is given back to the system, and where that does not help, the questions that
run are stopped. Loading goes on.
"""

import ctypes
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pyarrow as pa
import structlog

from questlog.config import Settings

_LOOK_EVERY_S = 0.5
_HELPED = 0.95
"""Stopping questions helped where less than this share of the memory is used at the next look."""

_log = structlog.get_logger(__name__)


def engine_memory_mb(settings: Settings) -> int:
    """The engine's own limit: `store.memory_limit_mb`, or half of `memory.server_mb`."""
    return settings.store.memory_limit_mb or settings.memory.server_mb // 2


def own_memory_bytes() -> int:
    """Memory of this process that is not of files; 0 where the system does not say so (it is not Linux)."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"^RssAnon:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def give_back() -> None:
    """Let the allocators return what they hold and nobody uses."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not in every C library
        if trim is not None:
            trim(0)


class MemoryGuard:
    """Looks at the memory in use now and then. `stop_questions` returns how many it stopped."""

    def __init__(
        self,
        limit_bytes: int,
        stop_questions: Callable[[], int],
        used_bytes: Callable[[], int] = own_memory_bytes,
        give_back: Callable[[], None] = give_back,
    ) -> None:
        self._limit = limit_bytes
        self._stop_questions = stop_questions
        self._used_bytes = used_bytes
        self._give_back = give_back
        self._used_at_stop = 0
        self._is_futile = False
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory-guard", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def look(self) -> None:
        """Do what is needed now."""
        if self._used_bytes() > self._limit:
            self._give_back()
        used = self._used_bytes()
        if used <= self._limit:
            self._used_at_stop, self._is_futile = 0, False
        elif not self._is_futile:
            self._relieve(used)

    def _relieve(self, used: int) -> None:
        """Stop the questions, unless that did not help the last time: then it is not they who need the memory."""
        if self._used_at_stop and used > _HELPED * self._used_at_stop:
            self._is_futile = True
            _log.warning("more memory is in use than memory.server_mb allows, and not by questions", mb=used >> 20)
            return
        stopped = self._stop_questions()
        self._used_at_stop = used
        if stopped:
            _log.warning("questions stopped: they needed more memory than memory.server_mb allows", questions=stopped)

    def _run(self) -> None:
        while not self._is_over.wait(_LOOK_EVERY_S):
            self.look()
