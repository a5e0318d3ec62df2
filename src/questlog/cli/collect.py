"""`questlog collect`: collectors alone, for a machine that only receives."""

import click

from questlog.cli.settings import settings_options
from questlog.config import Settings


@click.command()
@settings_options
def command(settings: Settings) -> None:
    """Run only the collectors: they accept events and write the journal. They do not need the server.

    Stops on SIGTERM after finishing what was accepted.
    """
    from questlog.app.collecting import serve_collectors
    from questlog.app.places import NotInstalled
    from questlog.control.errors import ControlError
    from questlog.logs import configure_logging

    configure_logging(settings.log.level, settings.log.format)
    try:
        serve_collectors(settings)
    except (NotInstalled, ControlError, OSError) as error:
        raise click.ClickException(str(error)) from error
