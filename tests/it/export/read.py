"""Reads tables with DuckDB, and Parquet with pyarrow too: how many rows, the exact sum of a column of amounts, and types."""
import json
import sys
from decimal import Decimal, getcontext

import duckdb
import pyarrow.parquet

getcontext().prec = 50


def with_duckdb(path, column):
    table = f"read_csv('{path}', all_varchar = true)" if path.endswith(".csv") else f"read_parquet('{path}')"
    select = f"count(*), sum(\"{column}\"::DECIMAL(38,12))"
    rows, total = duckdb.sql(f"SELECT {select} FROM {table}").fetchone()
    described = duckdb.sql(f"DESCRIBE SELECT * FROM {table}").fetchall()
    return {"rows": rows, "sum": str(total), "types": {name: type_ for name, type_, *_ in described}}


def with_pyarrow(path, column):
    table = pyarrow.parquet.read_table(path)
    total = sum((value for value in table.column(column).to_pylist()), Decimal(0))
    types = {field.name: str(field.type) for field in table.schema}
    return {"rows": table.num_rows, "sum": str(total), "types": types}


found = []
for path in sys.argv[1:]:
    names = {"lines": "total", "invoices": "total"}
    dataset = path.rsplit("/", 1)[-1].split(".")[0]
    column = names.get(dataset, "BilledCost")
    found.append([with_duckdb(path, column)] + ([with_pyarrow(path, column)] if path.endswith(".parquet") else []))
print(json.dumps(found))
