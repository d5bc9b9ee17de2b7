"""Judges FOCUS tables by rules that the validator cannot fail, and by our own promises: how many rows break each.

The arguments are the tables CostAndUsage and InvoiceDetail of FOCUS 1.4, in turns.
"""
import json
import sys

import duckdb

SOLD = "ChargeCategory IN ('Usage', 'Purchase') AND ChargeClass IS NULL"

# Of each rule what breaks it.
OF_ROWS = {
    "list cost is price times quantity": "abs(ListUnitPrice * PricingQuantity - ListCost) > 1e-9 * greatest(abs(ListCost), 1e-3)",
    "contracted cost is price times quantity": (
        "abs(ContractedUnitPrice * PricingQuantity - ContractedCost) > 1e-9 * greatest(abs(ContractedCost), 1e-3)"
    ),
    "what is sold has prices": f"{SOLD} AND (ListUnitPrice IS NULL OR ContractedUnitPrice IS NULL OR PricingQuantity IS NULL)",
    "what is sold has a SKU": f"{SOLD} AND (SkuId IS NULL OR SkuPriceId IS NULL OR SkuMeter IS NULL)",
    "what is sold has a pricing category": f"{SOLD} AND PricingCategory IS NULL",
    "usage is consumed": "ChargeCategory = 'Usage' AND ChargeClass IS NULL AND ConsumedQuantity IS NULL",
    "only usage is consumed": "ChargeCategory <> 'Usage' AND ConsumedQuantity IS NOT NULL",
    "tax has no price and no SKU": "ChargeCategory = 'Tax' AND coalesce(SkuId, PricingUnit, PricingCategory) IS NOT NULL",
    "a purchase is not by usage": "ChargeCategory = 'Purchase' AND ChargeFrequency = 'Usage-Based'",
    "a unit goes with its quantity": "(PricingUnit IS NULL) <> (PricingQuantity IS NULL)",
    "prices are not negative": "least(ListUnitPrice, ContractedUnitPrice) < 0",
    "a charge takes some time": "ChargePeriodStart >= ChargePeriodEnd",
    "only a correction is about another month": (
        "ChargeClass IS NULL AND (ChargePeriodStart < BillingPeriodStart OR ChargePeriodEnd > BillingPeriodEnd)"
    ),
    "a correction is about an earlier month": "ChargeClass = 'Correction' AND ChargePeriodEnd > BillingPeriodStart",
    "a billing period is a month": "BillingPeriodEnd <> BillingPeriodStart + INTERVAL 1 MONTH",
    "what a credit note takes is a correction": "x_CreditedInvoiceId IS NOT NULL AND ChargeClass IS DISTINCT FROM 'Correction'",
    "costs in one currency are the same": (
        "PricingCurrency = BillingCurrency AND PricingCurrencyEffectiveCost <> EffectiveCost"
    ),
}
OF_TABLES = {
    "a service has one category": "SELECT ServiceName FROM usage GROUP BY 1 HAVING count(DISTINCT ServiceCategory) > 1",
    "a price has one SKU": "SELECT SkuPriceId FROM usage GROUP BY 1 HAVING count(DISTINCT SkuId) > 1",
    "an id is of one charge": "SELECT InvoiceDetailId FROM usage GROUP BY 1 HAVING count(*) > 1",
    "each charge has its detail of the same cost": (
        "SELECT * FROM usage FULL JOIN detail USING (InvoiceDetailId)"
        " WHERE usage.BilledCost IS DISTINCT FROM detail.BilledCost OR usage.InvoiceId IS DISTINCT FROM detail.InvoiceId"
    ),
    "charges and details of an invoice have the same sum": (
        "SELECT u.InvoiceId FROM (SELECT InvoiceId, sum(BilledCost) s FROM usage GROUP BY 1) u"
        " FULL JOIN (SELECT InvoiceId, sum(BilledCost) s FROM detail GROUP BY 1) d USING (InvoiceId)"
        " WHERE u.s IS DISTINCT FROM d.s"
    ),
    "a detail refers to what its charge credits": (
        "SELECT * FROM usage JOIN detail USING (InvoiceDetailId)"
        " WHERE x_CreditedInvoiceId IS NOT NULL AND x_CreditedInvoiceId <> ReferenceInvoiceId"
    ),
    "an issued detail has its dates": (
        "SELECT * FROM detail WHERE (InvoiceIssueStatus = 'Issued') <> (InvoiceIssueDate IS NOT NULL)"
    ),
}


def judge(usage, detail):
    duckdb.sql("SET TimeZone = 'UTC'")
    for name, path in (("usage", usage), ("detail", detail)):
        duckdb.sql(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM read_parquet('{path}')")
        described = duckdb.sql(f"DESCRIBE {name}").fetchall()
        assert not name == "usage" or ("ListCost", "DECIMAL(38,12)") in [row[:2] for row in described]
    # Products of two such decimals have too many digits.
    amounts = [name for name, type_, *_ in duckdb.sql("DESCRIBE usage").fetchall() if type_ == "DECIMAL(38,12)"]
    doubles = ", ".join(f"{name}::DOUBLE AS {name}" for name in amounts)
    duckdb.sql(f"CREATE OR REPLACE TEMP VIEW doubles AS SELECT * REPLACE ({doubles}) FROM usage")
    queries = {rule: f"SELECT * FROM doubles WHERE {bad}" for rule, bad in OF_ROWS.items()} | OF_TABLES
    broken = {rule: duckdb.sql(f"SELECT count(*) FROM ({query})").fetchone()[0] for rule, query in queries.items()}
    return {"rules": len(queries), "broken": sorted(rule for rule, count in broken.items() if count)}


def spoil(path, change, name):
    spoilt = f"{path}.{name}.parquet"
    duckdb.sql(f"COPY (SELECT * REPLACE ({change}) FROM read_parquet('{path}')) TO '{spoilt}' (FORMAT parquet)")
    return spoilt


def controls(usage, detail):
    """What is put in, and which rule has to notice."""
    sold = "PricingQuantity IS NOT NULL"
    in_usage = [
        ("list cost is price times quantity", f"CASE WHEN {sold} THEN ListCost + 0.01 ELSE ListCost END AS ListCost"),
        ("contracted cost is price times quantity", "(ContractedCost * 2)::DECIMAL(38,12) AS ContractedCost"),
        ("what is sold has prices", "NULL::DECIMAL(38,12) AS ListUnitPrice"),
        ("what is sold has a SKU", "NULL::VARCHAR AS SkuPriceId"),
        ("what is sold has a pricing category", "NULL::VARCHAR AS PricingCategory"),
        ("usage is consumed", "NULL::DECIMAL(38,12) AS ConsumedQuantity"),
        ("only usage is consumed", "1::DECIMAL(38,12) AS ConsumedQuantity"),
        ("tax has no price and no SKU", "'sku' AS SkuId"),
        ("a purchase is not by usage", "'Usage-Based' AS ChargeFrequency"),
        ("a unit goes with its quantity", "NULL::VARCHAR AS PricingUnit"),
        ("prices are not negative", "(-ListUnitPrice)::DECIMAL(38,12) AS ListUnitPrice"),
        ("a charge takes some time", "ChargePeriodStart AS ChargePeriodEnd"),
        ("only a correction is about another month", "ChargePeriodStart - INTERVAL 1 MONTH AS ChargePeriodStart"),
        ("a correction is about an earlier month", "BillingPeriodEnd AS ChargePeriodEnd"),
        ("a billing period is a month", "BillingPeriodEnd + INTERVAL 1 DAY AS BillingPeriodEnd"),
        ("what a credit note takes is a correction", "NULL::VARCHAR AS ChargeClass"),
        ("costs in one currency are the same", "0::DECIMAL(38,12) AS PricingCurrencyEffectiveCost"),
        ("a service has one category", "x_LineId AS ServiceCategory"),
        ("a price has one SKU", "x_LineId AS SkuId, 'price' AS SkuPriceId"),
        ("an id is of one charge", "InvoiceId AS InvoiceDetailId"),
    ]
    in_detail = [
        ("each charge has its detail of the same cost", "InvoiceDetailId || 'x' AS InvoiceDetailId"),
        ("charges and details of an invoice have the same sum", "(BilledCost + 0.01)::DECIMAL(38,12) AS BilledCost"),
        ("a detail refers to what its charge credits", "InvoiceId AS ReferenceInvoiceId"),
        ("an issued detail has its dates", "NULL::TIMESTAMPTZ AS InvoiceIssueDate"),
    ]
    missed = []
    for number, (rule, change) in enumerate(in_usage):
        if rule not in judge(spoil(usage, change, number), detail)["broken"]:
            missed.append(rule)
    for number, (rule, change) in enumerate(in_detail):
        if rule not in judge(usage, spoil(detail, change, number))["broken"]:
            missed.append(rule)
    tried = {rule for rule, _ in in_usage + in_detail}
    return missed + [f"not tried: {rule}" for rule in (OF_ROWS | OF_TABLES) if rule not in tried]


usage, detail = sys.argv[1:]
print(json.dumps(judge(usage, detail) | {"unnoticed": controls(usage, detail)}))
