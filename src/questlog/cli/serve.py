"""`questlog serve`: loader, store, API and dashboard."""

import click

from questlog.cli.settings import settings_options
from questlog.config import ConfigError, Settings


@click.command()
@settings_options
def command(settings: Settings) -> None:
    """Run only the server: it loads events from the journal into the store, and answers the console port.

    Collectors go on receiving while it is away. Stops on SIGTERM.
    """
    from questlog.app.lock import AlreadyRunning
    from questlog.app.serving import serve_console
    from questlog.control.errors import ControlError
    from questlog.logs import configure_logging
    from questlog.store.contract import StoreFailed

    configure_logging(settings.log.level, settings.log.format)
    try:
        serve_console(settings)
    except (AlreadyRunning, ConfigError, ControlError, StoreFailed, OSError) as error:
        raise click.ClickException(str(error)) from error
