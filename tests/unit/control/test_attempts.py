from questlog.control.attempts import FailedAttempts
from tests.support.console import SettableClock


def test_nobody_waits_who_has_not_failed() -> None:
    assert FailedAttempts(SettableClock().monotonic_s, allowed=2).wait_s("10.0.0.1") == 0


def test_after_the_allowed_failures_the_rest_of_the_window_is_waited_for() -> None:
    clock = SettableClock()
    failures = FailedAttempts(clock.monotonic_s, allowed=2, window_s=60.0)
    failures.add("10.0.0.1")
    assert failures.wait_s("10.0.0.1") == 0
    clock.us += 10_500_000
    failures.add("10.0.0.1")
    assert failures.wait_s("10.0.0.1") == 50
    assert failures.wait_s("10.0.0.2") == 0


def test_counting_starts_anew_after_the_window() -> None:
    clock = SettableClock()
    failures = FailedAttempts(clock.monotonic_s, allowed=2, window_s=60.0)
    failures.add("a")
    failures.add("a")
    clock.us += 60_000_000
    assert failures.wait_s("a") == 0
    failures.add("a")
    assert failures.wait_s("a") == 0


def test_so_many_sources_are_remembered_and_no_more() -> None:
    failures = FailedAttempts(SettableClock().monotonic_s, allowed=1)
    for number in range(10_001):
        failures.add(str(number))
    assert failures.wait_s("0") == 0
    assert failures.wait_s("1") == 60
    assert failures.wait_s("10000") == 60
