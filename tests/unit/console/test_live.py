import asyncio
import gc
import threading
from collections.abc import AsyncGenerator

import pytest

from questlog.console.concurrency import TooBusy
from questlog.console.live import Arrivals, End, EventPlace, Heartbeat, LiveFeed, Message, Pace, Wanted
from questlog.store.named_reads import EventFilter
from tests.support.staged import batch

PATIENT = Pace(heartbeat_s=60.0, recheck_s=60.0)


async def always() -> bool:
    return True


def watching(feed: LiveFeed, game_id: int = 1) -> AsyncGenerator[Message, None]:
    return feed.messages(feed.watch(game_id), always)


async def first(messages: AsyncGenerator[Message, None]) -> Message:
    return await asyncio.wait_for(anext(messages), 20)


async def first_arrivals(messages: AsyncGenerator[Message, None]) -> Arrivals:
    message = await first(messages)
    assert isinstance(message, Arrivals)
    return message


def test_what_is_loaded_is_told_with_the_reasons_of_what_was_rejected() -> None:
    async def watch() -> Arrivals:
        feed = LiveFeed(pace=PATIENT)
        messages = watching(feed)
        feed.note(batch([{"event_id": "level:1", "player_id": "ada"}], [{"reason": "bad_value", "detail": "why"}]))
        return await first_arrivals(messages)

    arrivals = asyncio.run(watch())
    [accepted], [rejected] = arrivals.accepted.to_pylist(), arrivals.rejected.to_pylist()
    assert (accepted["event_id"], accepted["player_id"]) == ("level:1", "ada")
    assert (rejected["reason"], rejected["detail"]) == ("bad_value", "why")
    assert arrivals.passed_over == 0
    assert "offset" not in accepted


def test_nobody_is_told_of_another_game() -> None:
    async def watch() -> Arrivals:
        feed = LiveFeed(pace=PATIENT)
        messages = watching(feed, game_id=2)
        feed.note(batch([{"game_id": 1}], [{"game_id": 1}, {"game_id": 0}]))
        feed.note(batch([{"game_id": 1}, {"game_id": 2, "event_id": "ours"}, {"game_id": 3}]))
        return await first_arrivals(messages)

    arrivals = asyncio.run(watch())
    assert arrivals.accepted["event_id"].to_pylist() == ["ours"]
    assert arrivals.rejected.num_rows == 0


@pytest.mark.parametrize(
    ("wanted", "accepted", "rejected"),
    [
        (Wanted(), ["menu:open", "menu_open", "fps:low", None], ["menu:open", None]),
        (Wanted(EventFilter(event_id="menu:open")), ["menu:open"], ["menu:open"]),
        (Wanted(EventFilter(event_id="*_open")), ["menu_open"], []),
        (Wanted(EventFilter(not_event_id=("fps*", "*:open"))), ["menu_open", None], [None]),
        (Wanted(EventFilter(player_id="ada")), ["menu:open"], []),
        (Wanted(EventFilter(player_id="ada", category="business")), [], []),
        (Wanted(EventFilter(reason="bad_*")), [], ["menu:open"]),
        (Wanted(is_with_accepted=False), [], ["menu:open", None]),
        (Wanted(is_with_rejected=False), ["menu:open", "menu_open", "fps:low", None], []),
    ],
)
def test_a_watcher_sees_what_matches(wanted: Wanted, accepted: list[str | None], rejected: list[str | None]) -> None:
    async def watch() -> Message:
        feed = LiveFeed(pace=Pace(heartbeat_s=0.0, recheck_s=60.0))
        messages = feed.messages(feed.watch(1, wanted), always)
        rows = [{"event_id": each} for each in ("menu:open", "menu_open", "fps:low", None)]
        rows[0]["player_id"] = "ada"
        feed.note(batch(rows, [{"event_id": "menu:open", "reason": "bad_value"}, {"reason": "expired"}]))
        return await first(messages)

    message = asyncio.run(watch())
    found = ([], []) if isinstance(message, Heartbeat) else _ids(message)
    assert found == (accepted, rejected)


def _ids(message: Message) -> tuple[list[str | None], list[str | None]]:
    assert isinstance(message, Arrivals)
    return message.accepted["event_id"].to_pylist(), message.rejected["event_id"].to_pylist()


def test_what_does_not_match_crowds_nothing_out() -> None:
    async def watch() -> Arrivals:
        feed = LiveFeed(pace=PATIENT, most_rows=2)
        messages = feed.messages(feed.watch(1, Wanted(EventFilter(event_id="rare"))), always)
        feed.note(batch([{"event_id": "rare"}, *[{"event_id": "noise"}] * 9]))
        return await first_arrivals(messages)

    assert asyncio.run(watch()).accepted["event_id"].to_pylist() == ["rare"]


def test_all_who_watch_are_told_from_any_thread() -> None:
    async def watch() -> list[Arrivals]:
        feed = LiveFeed(pace=PATIENT)
        everyone = [asyncio.create_task(first_arrivals(watching(feed))) for _ in range(5)]
        await asyncio.sleep(0)
        loader = threading.Thread(target=feed.note, args=[batch([{}])])
        loader.start()
        told = await asyncio.gather(*everyone)
        loader.join()
        return told

    assert [each.rows for each in asyncio.run(watch())] == [1] * 5


def test_who_reads_slowly_gets_the_newest_and_is_told_how_many_were_passed_over() -> None:
    async def watch() -> Arrivals:
        feed = LiveFeed(most_rows=10, pace=PATIENT)
        messages = watching(feed)
        for number in range(7):
            feed.note(batch([{"event_id": f"{number}:{place}"} for place in range(4)]))
        return await first_arrivals(messages)

    arrivals = asyncio.run(watch())
    assert arrivals.accepted["event_id"].to_pylist() == [f"{number}:{place}" for number in (5, 6) for place in range(4)]
    assert arrivals.passed_over == 20


def test_of_a_large_batch_the_newest_are_shown() -> None:
    async def watch() -> Arrivals:
        feed = LiveFeed(most_rows=10, pace=PATIENT)
        messages = watching(feed)
        feed.note(batch([{"event_id": str(place)} for place in range(1_000)], [{"detail": "x"}] * 12))
        return await first_arrivals(messages)

    arrivals = asyncio.run(watch())
    assert arrivals.accepted["event_id"].to_pylist() == [str(place) for place in range(990, 1_000)]
    assert arrivals.rejected.num_rows == 10
    assert arrivals.passed_over == 990 + 2


def test_what_waits_does_not_keep_the_batch_in_memory() -> None:
    async def watch() -> int:
        feed = LiveFeed(most_rows=1, pace=PATIENT)
        messages = watching(feed)
        feed.note(batch([{"message": "x" * 100} for _ in range(10_000)]))
        size: int = (await first_arrivals(messages)).accepted.get_total_buffer_size()
        return size

    assert asyncio.run(watch()) < 100_000


def test_where_nothing_arrives_there_is_a_heartbeat() -> None:
    async def watch() -> Message:
        return await first(watching(LiveFeed(pace=Pace(heartbeat_s=0.01, recheck_s=60.0))))

    assert asyncio.run(watch()) == Heartbeat()


def test_watching_ends_when_it_is_not_permitted_any_more() -> None:
    async def watch() -> list[Message]:
        may = True

        async def may_still() -> bool:
            return may

        feed = LiveFeed(most_watchers=1, pace=Pace(heartbeat_s=60.0, recheck_s=0.01))
        messages = feed.messages(feed.watch(1), may_still)
        feed.note(batch([{}]))
        told = [await first(messages)]
        may = False
        told += [message async for message in messages]
        feed.watch(1)  # the place is free
        return told

    arrivals, end = asyncio.run(watch())
    assert isinstance(arrivals, Arrivals)
    assert end == End("this is not permitted any more")


def test_nothing_is_shown_once_it_is_known_that_it_is_not_permitted() -> None:
    async def watch() -> list[Message]:
        async def may_still() -> bool:
            return False

        feed = LiveFeed(pace=Pace(heartbeat_s=60.0, recheck_s=0.0))
        messages = feed.messages(feed.watch(1), may_still)
        feed.note(batch([{}]))
        return [message async for message in messages]

    assert asyncio.run(watch()) == [End("this is not permitted any more")]


def test_watching_ends_when_the_server_stops() -> None:
    async def watch() -> Message:
        feed = LiveFeed(pace=PATIENT)
        messages = watching(feed)
        threading.Timer(0.01, feed.close).start()
        message = await first(messages)
        with pytest.raises(TooBusy):
            feed.watch(1)
        return message

    assert asyncio.run(watch()) == End("the server stops")


def test_one_token_does_not_take_all_places() -> None:
    async def watch() -> None:
        feed = LiveFeed(most_watchers=5, most_of_one=2, pace=PATIENT)
        kept = [feed.watch(1, who="token greedy"), feed.watch(2, who="token greedy")]
        with pytest.raises(TooBusy, match="token greedy watches on 2 connections already"):
            feed.watch(1, who="token greedy")
        kept += [feed.watch(1, who="ada@example.com"), feed.watch(1)]
        del kept

    asyncio.run(watch())


def test_so_many_can_watch_and_a_place_is_free_when_one_goes() -> None:
    async def watch() -> None:
        feed = LiveFeed(most_watchers=2, pace=PATIENT)
        one, other = watching(feed), watching(feed)
        tasks = [asyncio.create_task(first(messages)) for messages in (one, other)]
        await asyncio.sleep(0)
        with pytest.raises(TooBusy, match="watch"):
            feed.watch(1)
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        feed.watch(1)
        tasks[1].cancel()
        await asyncio.wait(tasks)

    asyncio.run(watch())


def test_who_went_before_the_first_message_takes_no_place() -> None:
    async def watch() -> None:
        feed = LiveFeed(most_watchers=1)
        watching(feed)
        gc.collect()
        feed.watch(1)

    asyncio.run(watch())


def test_loading_goes_on_where_the_loop_of_a_watcher_is_gone() -> None:
    feed = LiveFeed()

    async def watch() -> object:
        return feed.watch(1)

    watcher = asyncio.run(watch())
    feed.note(batch([{}]))
    feed.close()
    assert watcher is not None


def test_an_accepted_event_says_its_place_in_the_journal() -> None:
    async def watch() -> Arrivals:
        feed = LiveFeed(pace=PATIENT)
        messages = watching(feed)
        feed.note(batch([{"writer": 1, "segment": 2, "offset": 30, "index": 4}]))
        return await first_arrivals(messages)

    assert asyncio.run(watch()).accepted["place"].to_pylist() == ["1-2-30-4"]
    assert EventPlace.parse("1-2-30-4") == EventPlace(1, 2, 30, 4)


@pytest.mark.parametrize("text", ["", "1-2-3", "1-2-3-x", "1-2-3--4", "1-2-3-4-5", "1-2-3-٤"])
def test_a_text_that_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        EventPlace.parse(text)
