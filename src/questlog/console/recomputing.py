"""Rebuilding and repricing as people ask for them and end them: with a line in the audit log."""

from questlog.console.services import ConsoleServices
from questlog.control.audit_log import Action
from questlog.loader.rebuild import RebuildState
from questlog.loader.reprice import RepriceQuestion


def start_rebuild(services: ConsoleServices) -> None:
    """Have every rollup computed again; nothing where that waits or runs already. Raises `ControlError`."""
    if services.rebuild.status.state not in (RebuildState.WAITING, RebuildState.RUNNING):
        services.rebuild.request()
        services.audit.record(Action.REBUILD)


def cancel_rebuild(services: ConsoleServices) -> None:
    """End the rebuild that waits or runs, with nothing changed. Raises `ControlError`."""
    services.rebuild.cancel()
    services.audit.record(Action.REBUILD_CANCEL)


def start_reprice(services: ConsoleServices, question: RepriceQuestion, subject: str | None) -> bool:
    """Have purchases valued again; False while another waits or runs. `subject` is what the audit log says of it.

    Raises `ControlError`, `RatesUnreadable`.
    """
    if not services.reprice.request(question):
        return False
    services.audit.record(Action.REPRICE, subject=subject)
    return True


def cancel_reprice(services: ConsoleServices) -> None:
    """End the reprice that waits or runs, with nothing changed. Raises `ControlError`."""
    services.reprice.cancel()
    services.audit.record(Action.REPRICE_CANCEL)
