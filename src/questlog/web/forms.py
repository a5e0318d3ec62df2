"""Forms that a browser sends: from a page of ours, with bounds on what is read."""

import asyncio
from collections.abc import Mapping, Sequence

from litestar.exceptions import PermissionDeniedException

from questlog.web.log_in import AnyRequest
from questlog.web.site import Site

_MOST_TEXT = 10_000


class SentForm:
    """The fields of a form. A field that was not sent is empty."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def text(self, name: str, most: int = _MOST_TEXT) -> str:
        """A field without blanks at its ends, cut to `most` characters."""
        return self.raw(name, most).strip()

    def raw(self, name: str, most: int = _MOST_TEXT) -> str:
        """A field as it is, cut: a password may begin with a blank."""
        return (self._fields.get(name) or [""])[-1][:most]

    def all(self, name: str) -> Sequence[str]:
        """All values of a field."""
        return self._fields.get(name, ())

    def is_set(self, name: str) -> bool:
        """Whether a box is ticked."""
        return bool(self.text(name))

    def number(self, name: str) -> int | None:
        """A whole number that is not negative; None for anything else."""
        text = self.text(name, 18)
        return int(text) if text.isascii() and text.isdigit() else None

    @property
    def typed(self) -> Mapping[str, str]:
        """What was typed, for the page that shows the form again."""
        return {name: values[-1] for name, values in self._fields.items() if values}


async def sent_form(site: Site, request: AnyRequest) -> SentForm:
    """The form of a change. Raises `PermissionDeniedException` unless a page of ours, for this log-in, has sent it."""
    sent = await request.form()
    fields: dict[str, list[str]] = {}
    for name, value in sent.multi_items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    form = SentForm(fields)
    if not await asyncio.to_thread(site.logins.is_own_change, request, form.raw("form_token", 1_024)):
        raise PermissionDeniedException(detail="This form was too old. Load the page again, and send it once more.")
    return form
