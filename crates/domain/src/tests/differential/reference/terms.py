"""Discounts, charges and the commitment: what was agreed beside the prices."""

from fractions import Fraction

from basics import item, rounded


def terms(month, services, tax, used):
    agreement = month.group["terms"]
    items = [item("Multiplier", term["name"], 0) for term in month.in_force(agreement["discounts"]) if used]
    for kind in ["ExtraCharge", "SupportCharge"]:
        items += agreed(month, kind, services, tax)
    spent = services + sum(entry["total"] for entry in items)
    commitment = agreement["commitment"]
    if commitment and month.in_force([commitment]) and commitment["amount"] > spent:
        items.append(item("CommitmentFee", commitment["name"], commitment["amount"] - spent, tax))
    return items + agreed(month, "OtherEvent", services, tax)


def agreed(month, kind, services, tax):
    charges = month.in_force(month.group["terms"]["charges"])
    of_kind = [charge for charge in charges if charge["kind"] == kind]
    return [item(kind, charge["name"], amount(month, charge, services), tax) for charge in of_kind]


def amount(month, charge, services):
    if charge["percent"] is None:
        return charge["amount"]
    part = Fraction(services, 10**month.digits) * Fraction(charge["percent"]) / 100
    return max(rounded(part, month.digits), charge["minimum"] or 0)
