"""The durable head: a small file in which a writer tells readers how far its records are on stable storage.

It is written after the sync that it reports, and never synced on the way: so it can be behind the segments on the
disk (after a crash of the machine) but never ahead of them. Within one boot of the machine it is exact, whatever
happens to the processes, because all of them see the same page. It is written with `pwrite` and not through a memory
map: a full disk under a copy-on-write file system is then an error like any other and not a SIGBUS. See
docs/decisions/0010-journal-format.md.
"""

from pathlib import Path
from struct import Struct

import msgspec
from isal.isal_zlib import crc32

_MAGIC = b"QLJHEAD1"
_FIXED = Struct("<8sIIB16s")
_CHECK = Struct("<I")
_BOOT_ID_PATH = Path("/proc/sys/kernel/random/boot_id")

HEAD_BYTES = _FIXED.size + _CHECK.size
NO_BOOT_ID = bytes(16)


class Head(msgspec.Struct, frozen=True):
    """How far a writer's records are durable: all segments before `segment`, and `offset` bytes of it.

    `is_clean` says that no writer has written since: nothing but these bytes can be there. `boot_id` is the boot of the
    machine in which the head was written.
    """

    segment: int
    offset: int
    is_clean: bool
    boot_id: bytes


def encode_head(head: Head) -> bytes:
    """The head file's bytes."""
    fixed = _FIXED.pack(_MAGIC, head.segment, head.offset, head.is_clean, head.boot_id)
    return fixed + _CHECK.pack(crc32(fixed))


def decode_head(data: bytes) -> Head | None:
    """The inverse; None for anything else, also for bytes read while they were being written."""
    fixed, check = data[: _FIXED.size], data[_FIXED.size : HEAD_BYTES]
    if not fixed.startswith(_MAGIC) or check != _CHECK.pack(crc32(fixed)):
        return None
    _, segment, offset, is_clean, boot_id = _FIXED.unpack(fixed)
    return Head(segment, offset, bool(is_clean), boot_id)


def current_boot_id() -> bytes:
    """16 bytes that name this boot of the machine; `NO_BOOT_ID` where the system does not tell."""
    try:
        text = _BOOT_ID_PATH.read_text()
        return bytes.fromhex(text.strip().replace("-", ""))
    except (OSError, ValueError):
        return NO_BOOT_ID
