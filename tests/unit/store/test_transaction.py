"""A load transaction: what is registered for it, and statements that are kept from one to the next."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from questlog.store.duckdb.transaction import Transaction


@pytest.fixture(name="transaction")
def _transaction() -> Iterator[Transaction]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE kept (number BIGINT)")
        yield Transaction(connection)


def _load(transaction: Transaction, rows: pa.Table, statement: str) -> list[object]:
    transaction.begin()
    transaction.register("batch", rows)
    found = transaction.read(statement).to_pylist()
    transaction.commit()
    return list(found)


def test_a_statement_that_is_kept_reads_the_rows_of_its_transaction(transaction: Transaction) -> None:
    for number in range(4):
        rows = pa.table({"number": [number, number]})
        assert _load(transaction, rows, "SELECT sum(number)::BIGINT AS s FROM batch") == [{"s": 2 * number}]


def test_a_statement_that_is_kept_reads_what_was_stored_meanwhile(transaction: Transaction) -> None:
    for number in range(4):
        transaction.begin()
        transaction.register("batch", pa.table({"number": [number]}))
        transaction.write("INSERT INTO kept SELECT number FROM batch")
        joined = transaction.read("SELECT count(*) AS n FROM kept LEFT JOIN batch USING (number)")
        transaction.commit()
        assert joined.to_pylist() == [{"n": number + 1}]


def test_rows_are_gone_after_their_transaction(transaction: Transaction) -> None:
    assert _load(transaction, pa.table({"number": [1]}), "FROM batch") == [{"number": 1}]
    transaction.begin()
    assert transaction.read("FROM batch").to_pylist() == []
    transaction.commit()


def test_a_statement_that_is_kept_reads_other_columns_under_the_same_name(transaction: Transaction) -> None:
    for rows in ({"a": [1]}, {"a": [2]}, {"a": ["x"], "b": [3]}, {"a": ["y"], "b": [4]}, {"a": [5]}):
        assert _load(transaction, pa.table(rows), "SELECT * FROM batch") == pa.table(rows).to_pylist()


def test_after_a_rollback_the_same_statements_go_on(transaction: Transaction) -> None:
    statement = "SELECT max(number) AS m FROM batch"
    for number in range(5):
        transaction.begin()
        transaction.register("batch", pa.table({"number": [number]}))
        assert transaction.read(statement).to_pylist() == [{"m": number}]
        transaction.write("INSERT INTO kept SELECT number FROM batch")
        if number % 2:
            transaction.rollback()
        else:
            transaction.commit()
    assert _load(transaction, pa.table({"number": [9]}), "SELECT list(number) AS l FROM kept") == [{"l": [0, 2, 4]}]
