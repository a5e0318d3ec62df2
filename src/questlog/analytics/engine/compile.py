"""From an Ibis expression to an engine's SQL, with functions that are exact and answer the same on both.

Ibis takes approximate functions of ClickHouse for some exact words of its own (`uniq` for a distinct count, another
interpolation for quantiles); here they are exact.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import ibis.expr.datatypes as types
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.clickhouse import ClickHouseCompiler
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler

Dialect = Literal["duckdb", "clickhouse"]

AFTER = "after"
"""The parameter of statements that read newer events only."""


class _DuckDB(DuckDBCompiler):  # type: ignore[misc]
    __slots__ = ()

    def visit_DateTruncate(self, op: Any, *, arg: Any, unit: Any) -> Any:  # noqa: N802
        return self.cast(super().visit_DateTruncate(op, arg=arg, unit=unit), op.dtype)

    def visit_ScalarUDF(self, op: Any, **arguments: Any) -> Any:  # noqa: N802 - Ibis's names
        if op.__func_name__ == "questlog_attribute":
            return self.f.anon.json_extract_string(*arguments.values())
        if op.__func_name__ == "questlog_after":
            return sge.Parameter(this=sge.Var(this=AFTER))
        if op.__func_name__ == "questlog_epoch_us":
            return self.f.anon.epoch_us(*arguments.values())
        if op.__func_name__ == "questlog_rank":
            time, row_no = arguments.values()
            return _ranked(sge.Cast(this=self.f.anon.epoch_us(time), to=sge.DataType.build("HUGEINT")), row_no)
        if op.__func_name__ == "questlog_intersection_size":
            both = sge.BitwiseAnd(**dict(zip(("this", "expression"), arguments.values(), strict=True)))
            return self.f.coalesce(self.f.anon.bit_count(both), sge.convert(0))
        return super().visit_ScalarUDF(op, **arguments)

    def visit_AggUDF(self, op: Any, *, where: Any, **arguments: Any) -> Any:  # noqa: N802
        if op.__func_name__ == "questlog_dense_distinct":
            numbers, bound = arguments.values()
            bits = self.agg.bitstring_agg(numbers, sge.convert(0), bound, where=where)
            return self.f.coalesce(self.f.anon.bit_count(bits), sge.convert(0))
        if op.__func_name__ == "questlog_number_set":
            numbers, bound = arguments.values()
            return self.agg.bitstring_agg(numbers, sge.convert(0), bound, where=where)
        if op.__func_name__ == "questlog_number_bytes":
            numbers, bound = arguments.values()
            bits = self.agg.bitstring_agg(numbers, sge.convert(0), bound, where=where)
            return sge.Cast(this=bits, to=sge.DataType.build("BLOB", dialect="duckdb"))
        if op.__func_name__ == "questlog_union_size":
            bits = self.agg.bit_or(*arguments.values(), where=where)
            return self.f.coalesce(self.f.anon.bit_count(bits), sge.convert(0))
        return super().visit_AggUDF(op, where=where, **arguments)


class _ClickHouse(ClickHouseCompiler):  # type: ignore[misc]
    __slots__ = ()
    SIMPLE_OPS: ClassVar[dict[Any, str]] = {ops.Date: "toDate32"}

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:  # noqa: N802
        """Times and days in the columns' own types: beside a time of whole seconds a column is cut to seconds."""
        if dtype.is_timestamp():
            return self.f.anon.toDateTime64(value.isoformat(" "), 6, "UTC")
        if dtype.is_date():
            return self.f.anon.toDate32(value.isoformat())
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    # Counts are unsigned there, and have no common type with the signed integers that Ibis takes them for.
    def visit_Count(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: ARG002, N802
        return self.f.anon.toInt64(self.agg.count(arg, where=where))

    def visit_CountStar(self, op: Any, **arguments: Any) -> Any:  # noqa: N802
        return self.f.anon.toInt64(super().visit_CountStar(op, **arguments))

    def visit_CountDistinct(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: ARG002, N802
        return self.f.anon.toInt64(self.agg.uniqExact(arg, where=where))

    def visit_Quantile(self, op: Any, *, arg: Any, quantile: Any, where: Any) -> Any:  # noqa: ARG002, N802
        return self._visit_quantile("quantileExactInclusive", arg, quantile, where)

    def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: ARG002, N802
        return self._visit_quantile("quantileExactInclusive", arg, sge.convert(0.5), where)

    def visit_MultiQuantile(self, op: Any, *, arg: Any, quantile: Any, where: Any) -> Any:  # noqa: ARG002, N802
        return self._visit_quantile("quantilesExactInclusive", arg, quantile, where)

    def visit_LagLead(self, op: Any, *, arg: Any, offset: Any, default: Any) -> Any:  # noqa: N802
        """Beyond the edge there is null: of a column that cannot be null ClickHouse makes a zero."""
        return super().visit_LagLead(op, arg=self.f.anon.toNullable(arg), offset=offset, default=default)

    visit_Lag = visit_Lead = visit_LagLead  # noqa: N815 - as above

    def visit_TimestampTruncate(self, op: Any, *, arg: Any, unit: Any) -> Any:  # noqa: ARG002, N802
        return self.f.anon.dateTrunc(sge.convert(unit.name.lower()), arg)

    def visit_ScalarUDF(self, op: Any, **arguments: Any) -> Any:  # noqa: N802
        if op.__func_name__ == "questlog_attribute":
            return self._attribute(*arguments.values())
        if op.__func_name__ == "questlog_epoch_us":
            return self.f.anon.toUnixTimestamp64Micro(*arguments.values())
        if op.__func_name__ == "questlog_rank":
            time, row_no = arguments.values()
            return _ranked(self.f.anon.toInt128(self.f.anon.toUnixTimestamp64Micro(time)), row_no)
        if op.__func_name__ == "questlog_intersection_size":
            return self.f.anon.bitmapAndCardinality(*arguments.values())
        return super().visit_ScalarUDF(op, **arguments)

    def _attribute(self, attributes: Any, pointer: Any) -> Any:
        """A number with a point keeps it: `2.0` is not written `2`."""
        keys = [sge.convert(key.replace("~1", "/").replace("~0", "~")) for key in pointer.this.split("/")[1:]]
        text = self.f.anon.JSONExtract(attributes, *keys, sge.convert("Nullable(String)"))
        has_point = self.f.anon.equals(self.f.anon.JSONType(attributes, *keys), sge.convert("Double"))
        with_point = self.f.anon.replaceRegexpOne(text, sge.convert("^-?[0-9]+$"), sge.convert("\\0.0"))
        return self.f.anon["if"](has_point, with_point, text)

    def visit_AggUDF(self, op: Any, *, where: Any, **arguments: Any) -> Any:  # noqa: N802
        if op.__func_name__ == "questlog_dense_distinct":
            numbers, _ = arguments.values()
            return self.f.anon.toInt64(self.agg.uniqExact(numbers, where=where))
        if op.__func_name__ == "questlog_number_set":
            numbers, _ = arguments.values()
            # Without `OrDefault` the null of no rows makes it a type that no function of bitmaps takes.
            unsigned = self.f.anon.toUInt64(self.f.anon.assumeNotNull(numbers))
            return self.f.anon.groupBitmapStateOrDefaultIf(unsigned, self.f.anon.isNotNull(numbers))
        if op.__func_name__ == "questlog_union_size":
            return self.f.anon.groupBitmapMergeOrDefault(*arguments.values())
        return super().visit_AggUDF(op, where=where, **arguments)


_COMPILERS: dict[Dialect, Callable[[], Any]] = {"duckdb": _DuckDB, "clickhouse": _ClickHouse}


_ARROW_TYPES: dict[type[Any], pa.DataType] = {
    types.Int8: pa.int8(),
    types.Int16: pa.int16(),
    types.Int32: pa.int32(),
    types.Int64: pa.int64(),
    types.UInt8: pa.uint8(),
    types.UInt16: pa.uint16(),
    types.UInt32: pa.uint32(),
    types.UInt64: pa.uint64(),
    types.Float64: pa.float64(),
    types.String: pa.string(),
    types.Binary: pa.binary(),
    types.JSON: pa.string(),
    types.Boolean: pa.bool_(),
    types.Date: pa.date32(),
    types.Null: pa.null(),
}


def tables_of(expression: ir.Table) -> tuple[str, ...]:
    """The names of the tables that it reads, in alphabetical order."""
    return tuple(sorted({table.name for table in expression.op().find(ops.UnboundTable)}))


def compiled(expression: ir.Table, dialect: Dialect) -> str:
    """The engine's SQL for the expression. Values are written as literals, escaped by Ibis."""
    compiler = _COMPILERS[dialect]()
    tree = compiler.to_sqlglot(expression.unbind()).transform(_without_true, copy=False)
    return str(tree.sql(dialect=compiler.dialect))


def _without_true(node: sge.Expression) -> Any:
    """Without `FILTER (WHERE true)`, which DuckDB looks at row by row: a fifth of counting days of players."""
    return node.this if isinstance(node, sge.Filter) and node.expression.this == sge.true() else node


def arrow_schema(expression: ir.Table) -> pa.Schema:
    """The types of the expression's rows, in Arrow's words (Ibis's own translation wants a library more)."""
    return pa.schema([(name, _arrow_type(dtype)) for name, dtype in expression.schema().items()])


def _arrow_type(dtype: Any) -> pa.DataType:
    if isinstance(dtype, types.Decimal):
        return pa.decimal128(dtype.precision or 38, dtype.scale or 0)
    if isinstance(dtype, types.Timestamp):
        return pa.timestamp("us")
    if isinstance(dtype, types.Array):
        return pa.list_(_arrow_type(dtype.value_type))
    return _ARROW_TYPES[type(dtype)]


def _ranked(micros: sge.Expression, row_no: sge.Expression) -> sge.Expression:
    """Row numbers are below 2^40; `micros` has 128 bits."""
    return sge.Paren(this=sge.Add(this=sge.Mul(this=micros, expression=sge.convert(1 << 40)), expression=row_no))
