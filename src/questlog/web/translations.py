"""The languages of the pages: catalogues of gettext in `locale/`, and which language a request wants.

A text is marked where it is written (`mark("…")`, `{% trans %}`, `_("…")`) and translated where it is shown.
"""

import gettext
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Final

from babel.messages.pofile import read_po

Translate = Callable[[str], str]

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch"}
"""The languages by their codes, each called as its speakers do."""

_SOURCE = "en"
_MOST_WANTED = 20


def mark(message: str) -> str:
    """A text to be translated where it is shown. Texts of players are never marked."""
    return message


class Catalogue(gettext.NullTranslations):
    """The translations of one language; a text without one stays as it is written."""

    def __init__(self, messages: Mapping[str, str | tuple[str, ...]]) -> None:
        super().__init__()
        self._messages = messages

    def gettext(self, message: str) -> str:
        """The translation."""
        found = self._messages.get(message)
        return found if isinstance(found, str) and found else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The translation for so many. The languages that there are have one form for 1 and one for all others."""
        found = self._messages.get(msgid1)
        if isinstance(found, tuple) and all(found):
            return found[0 if n == 1 else 1]
        return msgid1 if n == 1 else msgid2


@cache
def catalogue_of(language: str) -> Catalogue:
    """The catalogue of one of `LANGUAGES`."""
    if language == _SOURCE:
        return Catalogue({})
    path = resources.files("questlog.web") / "locale" / f"{language}.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    messages: dict[str, str | tuple[str, ...]] = {}
    for message in catalogue:
        key = message.id[0] if isinstance(message.id, (tuple, list)) else message.id
        if key and not message.fuzzy:
            text = message.string
            messages[key] = tuple(text) if isinstance(text, (tuple, list)) else text or ""
    return Catalogue(messages)


def language_for(chosen: str, accept_language: str) -> str:
    """The language that is chosen, else the first that the browser wants and there is (RFC 9110 §12.5.4)."""
    if chosen in LANGUAGES:
        return chosen
    wanted = []
    for part in accept_language.split(",")[:_MOST_WANTED]:
        name, _, rest = part.strip().partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        wanted.append((-weight, name.strip().lower().partition("-")[0]))
    return next((name for weight, name in sorted(wanted) if name in LANGUAGES and weight), _SOURCE)
