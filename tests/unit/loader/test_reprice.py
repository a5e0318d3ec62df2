import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

import pytest

from questlog.loader.decoding import Decoding
from questlog.loader.loop import BatchLimits, Loader
from questlog.loader.money import Converter
from questlog.loader.reprice import RepriceQuestion, RepriceState
from questlog.model.record import Kind
from questlog.rates.rates import Rates
from questlog.store.contract import Cancellation, StoreFailed
from questlog.store.repricing import PriceChange, Prices, Repricing
from tests.support.loading import FAKE_SOURCES, FakeClock, FakeJournal, FakeStore, envelope

DAY_US = 86_400_000_000
ALL = RepriceQuestion()


def loader_of(store: FakeStore, converter: Converter | None = None) -> Loader:
    journal = FakeJournal()
    journal.append(envelope(Kind.GAMEANALYTICS_EVENTS), [{"event_id": "a"}])
    decoding = Decoding(FAKE_SOURCES, converter or Converter(Rates({"GEM": {0: Fraction(3)}})), 10_000)
    return Loader(journal, store, decoding, FakeClock(), BatchLimits())


def test_it_is_carried_out_between_batches_with_the_present_rates() -> None:
    store = FakeStore()
    converter = Converter(Rates({"GEM": {0: Fraction(3)}}))
    loader = loader_of(store, converter)
    loader.step()
    assert (store.repriced, loader.reprice.status.state) == ([], RepriceState.NONE)
    assert loader.reprice.request(ALL)
    assert loader.reprice.status.state is RepriceState.WAITING
    converter.use(Rates({"GEM": {0: Fraction(5)}}))
    loader.step()
    loader.step()
    status = loader.reprice.status
    assert (len(store.repriced), status.state, status.share_done) == (1, RepriceState.DONE, 1.0)
    assert [(change.currency, change.usd_after) for change in status.changes] == [("GEM", Decimal(5))]
    assert status.rates == {"GEM": "own"}


def test_while_one_waits_no_other_is_taken() -> None:
    store = FakeStore()
    loader = loader_of(store)
    assert loader.reprice.request(RepriceQuestion(is_dry_run=True))
    assert not loader.reprice.request(ALL)
    loader.step()
    assert store.repriced == [Repricing(is_dry_run=True)]
    assert loader.reprice.status.is_dry_run
    assert loader.reprice.request(ALL)


def test_days_are_whole_and_currencies_in_capitals() -> None:
    store = FakeStore()
    loader = loader_of(store)
    loader.reprice.request(
        RepriceQuestion(currencies=("twd", "EUR"), first_day=dt.date(1970, 1, 2), last_day=dt.date(1970, 1, 3))
    )
    loader.step()
    assert store.repriced == [Repricing(frozenset({"TWD", "EUR"}), DAY_US, 3 * DAY_US)]


def test_one_that_fails_says_why_and_loading_goes_on() -> None:
    class BrokenStore(FakeStore):
        def reprice(
            self,
            question: Repricing,
            prices: Prices,
            progress: Callable[[float], None],
            cancellation: Cancellation | None = None,  # noqa: ARG002 - the contract's
        ) -> Sequence[PriceChange]:
            super().reprice(question, prices, progress)
            raise StoreFailed("out of memory")

    loader = loader_of(BrokenStore())
    loader.reprice.request(ALL)
    loader.step()
    status = loader.reprice.status
    assert (status.state, status.message, status.changes) == (RepriceState.FAILED, "out of memory", ())
    assert loader.is_ready
    assert loader.reprice.request(ALL)


@pytest.mark.parametrize("currency", ["GEM", "gem"])
def test_a_currency_without_a_rate_is_told_as_such(currency: str) -> None:
    loader = loader_of(FakeStore(), Converter(Rates({"TIX": {0: Fraction(1)}})))
    loader.reprice.request(RepriceQuestion(currencies=(currency,)))
    loader.step()
    assert loader.reprice.status.rates == {"GEM": None}
