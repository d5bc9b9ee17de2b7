"""Discounts, charges and the commitment: what was agreed beside the prices."""

from fractions import Fraction

from basics import item, month_of, rounded


def terms(month, services, tax, used, before):
    """Before is what counts towards the commitment of earlier months."""
    agreement = month.group["terms"]
    items = [item("Multiplier", term["name"], 0) for term in month.in_force(agreement["discounts"]) if used]
    for kind in ["ExtraCharge", "SupportCharge"]:
        items += agreed(month, kind, services, tax)
    spent = before + services + sum(entry["total"] for entry in items)
    commitment = commitment_of(month)
    if commitment and last_of_term(month) in (None, month.month) and commitment["amount"] > spent:
        items.append(item("CommitmentFee", commitment["name"], commitment["amount"] - spent, tax))
    return items + agreed(month, "OtherEvent", services, tax)


def commitment_of(month):
    commitment = month.group["terms"]["commitment"]
    return commitment if commitment and month.in_force([commitment]) else None


def last_of_term(month):
    """With which the commitment is settled; None where every month is by itself. A group that goes pays until then."""
    commitment = commitment_of(month)
    if not commitment or not commitment["term"]:
        return None
    deleted = month.group["deleted"]
    return commitment["last"] if deleted is None else min(commitment["last"], month_of(deleted))


def months_before(month):
    """The months of the term before this one that the group is billed for."""
    if last_of_term(month) is None:
        return []
    first = max(commitment_of(month)["first"], month.group["first_period"])
    found = []
    while first < month.month:
        found.append(first)
        year, number = map(int, first.split("-"))
        first = f"{year + number // 12:04}-{number % 12 + 1:02}"
    return found


def counted(month, services):
    """What counts of a month towards a commitment: services, extra charges, support."""
    charges = agreed(month, "ExtraCharge", services, None) + agreed(month, "SupportCharge", services, None)
    return services + sum(entry["total"] for entry in charges)


def agreed(month, kind, services, tax):
    charges = month.in_force(month.group["terms"]["charges"])
    of_kind = [charge for charge in charges if charge["kind"] == kind]
    return [item(kind, charge["name"], amount(month, charge, services), tax) for charge in of_kind]


def amount(month, charge, services):
    if charge["percent"] is None:
        return charge["amount"] * (month.count_of_projects() if charge["per_project"] else 1)
    part = Fraction(services, 10**month.digits) * Fraction(charge["percent"]) / 100
    return max(rounded(part, month.digits), charge["minimum"] or 0)
