"""What scripts say, for translation: the texts of `frontend/src/texts.ts`, which a test compares."""

from collections.abc import Mapping

from questlog.web.translations import Translate, mark

TEXTS: Mapping[str, str] = {
    "loading": mark("Loading"),
    "updated": mark("Updated"),
    "card_failed": mark("This card could not be loaded: the server does not answer."),
    "retry": mark("Try again"),
    "logged_out": mark("You have been logged out."),
    "log_in": mark("Log in"),
    "log_in_elsewhere": mark("Nothing you typed is lost. Log in again in another tab, then send the form again."),
    "send_again": mark("Send again"),
    "close": mark("Close"),
    "not_sent": mark("The server does not answer. Nothing was saved; try again in a moment."),
    "copy": mark("Copy"),
    "copied": mark("Copied"),
    "not_copied": mark("The browser did not allow copying. Select the text and copy it."),
    "live": mark("Live"),
    "paused": mark("Paused"),
    "reconnecting": mark("Connecting again"),
    "new_rows": mark("{count} new"),
    "no_matches": mark("Nothing found"),
    "shortcuts_off": mark("Single-key shortcuts are switched off."),
    "not_final": mark("not final yet"),
    "final_at": mark("final {time}"),
    "local_time": mark("your time: {time}"),
    "of_n": mark("of {n}"),
    "interval": mark("{low} to {high}"),
    "compared_with": mark("compared: {x}"),
    "unfinished": mark("unfinished"),
    "no_value": mark("no value"),
    "zoom_here": mark("Zoom to this"),
    "who": mark("Show players: {name}"),
    "filter_to": mark("Filter to {name}"),
    "add_note": mark("Add a note"),
    "release": mark("Release {text}"),
    "note": mark("Note: {text}"),
    "show_series": mark("Show {name}"),
    "players": mark("players"),
    "sessions": mark("sessions"),
    "events": mark("events"),
}


def translated(translate: Translate) -> dict[str, str]:
    """The texts of a language, by their names."""
    return {name: translate(text) for name, text in TEXTS.items()}
