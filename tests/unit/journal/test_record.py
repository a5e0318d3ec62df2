from questlog.journal.record import FRAME_BYTES, MAX_RECORD_BYTES, Stretch, frame, parse

MARKER = b"\x01marker\x02"
RECORDS = [b"first", b"", b"the third record", b"4" * 40, b"last"]
START = 8192


def framed(records: list[bytes] = RECORDS, marker: bytes = MARKER) -> bytes:
    return b"".join(frame(marker, records))


def parse_all(data: bytes) -> list[Stretch]:
    return parse(data, MARKER, START, len(data), is_last=True)


def ends(records: list[bytes] = RECORDS) -> list[int]:
    return [len(framed(records[: count + 1])) for count in range(len(records))]


def found(stretches: list[Stretch]) -> list[bytes]:
    return [stretch.record for stretch in stretches if stretch.record is not None]


def assert_covers(stretches: list[Stretch], length: int) -> None:
    """Every byte is in one stretch, in order."""
    borders = [START] + [stretch.end for stretch in stretches]
    assert [stretch.start for stretch in stretches] == borders[:-1]
    assert borders[-1] == START + length


def test_records_come_back_in_order_with_their_places() -> None:
    stretches = parse_all(framed())
    assert found(stretches) == RECORDS
    assert_covers(stretches, len(framed()))
    assert stretches[0].end == START + FRAME_BYTES + len(RECORDS[0])


def test_a_cut_at_any_byte_leaves_every_record_before_it_and_invents_none() -> None:
    whole = framed()
    for cut in range(len(whole)):
        stretches = parse_all(whole[:cut])
        assert found(stretches) == RECORDS[: sum(end <= cut for end in ends())]
        assert_covers(stretches, cut)


def test_a_flipped_byte_loses_the_record_it_lies_in_and_no_other() -> None:
    whole = framed()
    for at in range(len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[at] ^= flip
            hit = sum(end <= at for end in ends())
            stretches = parse_all(bytes(damaged))
            assert found(stretches) == RECORDS[:hit] + RECORDS[hit + 1 :]
            assert_covers(stretches, len(whole))


def test_bytes_torn_out_of_the_middle_lose_only_the_records_they_lie_in() -> None:
    whole = framed()
    for begin in range(len(whole)):
        end = min(begin + 30, len(whole))
        torn = whole[:begin] + bytes(end - begin) + whole[end:]
        borders = [0, *ends()]
        kept = [
            record
            for record, first, last in zip(RECORDS, borders, borders[1:], strict=False)
            if last <= begin or first >= end
        ]
        assert [record for record in found(parse_all(torn)) if record not in kept] == []
        assert [record for record in kept if record not in found(parse_all(torn))] == []


def test_a_record_inside_a_damaged_record_is_not_found_without_the_marker() -> None:
    forged = b"".join(frame(b"guessed!", [b"forged"]))
    whole = bytearray(framed([b"before", b"body " + forged + b" rest", b"after"]))
    whole[ends([b"before"])[0]] ^= 0xFF
    assert found(parse_all(bytes(whole))) == [b"before", b"after"]


def test_a_record_that_goes_on_beyond_the_data_is_left_for_the_next_read() -> None:
    whole = framed()
    for cut in range(len(whole)):
        stretches = parse(whole[:cut], MARKER, START, len(whole), is_last=False)
        assert found(stretches) == RECORDS[: sum(end <= cut for end in ends())]
        assert all(stretch.record is not None for stretch in stretches)


def test_reading_in_pieces_of_any_size_finds_the_same_as_reading_at_once() -> None:
    whole = bytearray(framed())
    whole[ends()[1] + 2] ^= 0xFF  # the third record's head
    for piece in range(len(framed([b"4" * 40])), len(whole)):
        at, records = 0, []
        while at < len(whole):
            data = bytes(whole[at : at + piece])
            stretches = parse(data, MARKER, START + at, piece, is_last=at + piece >= len(whole))
            assert stretches, "no progress"
            records += found(stretches)
            at = stretches[-1].end - START
        assert records == [RECORDS[0], RECORDS[1], RECORDS[3], RECORDS[4]]


def test_about_as_much_is_parsed_as_was_asked_for() -> None:
    stretches = parse(framed(), MARKER, START, 1, is_last=True)
    assert found(stretches) == RECORDS[:1]


def test_a_length_beyond_the_limit_is_damage_even_with_a_right_checksum() -> None:
    too_long = b"".join(frame(MARKER, [b"x" * (MAX_RECORD_BYTES + 1)]))
    assert found(parse_all(too_long + framed())) == RECORDS
