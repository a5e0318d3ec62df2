from questlog.journal.head import HEAD_BYTES, NO_BOOT_ID, Head, current_boot_id, decode_head, encode_head

HEAD = Head(segment=2**32 - 1, offset=123_456_789, is_clean=False, boot_id=bytes(range(16)))


def test_a_head_comes_back() -> None:
    assert decode_head(encode_head(HEAD)) == HEAD
    assert len(encode_head(HEAD)) == HEAD_BYTES


def test_half_of_one_head_and_half_of_another_are_no_head() -> None:
    old, new = encode_head(HEAD), encode_head(Head(7, 9000, is_clean=True, boot_id=bytes(16)))
    for border in range(9, HEAD_BYTES - 1):
        assert decode_head(new[:border] + old[border:]) is None


def test_a_cut_or_empty_head_is_none() -> None:
    for cut in range(HEAD_BYTES):
        assert decode_head(encode_head(HEAD)[:cut]) is None
    assert decode_head(bytes(HEAD_BYTES)) is None


def test_the_boot_id_stays_the_same_within_a_boot() -> None:
    assert current_boot_id() == current_boot_id()
    assert len(current_boot_id()) == len(NO_BOOT_ID)
