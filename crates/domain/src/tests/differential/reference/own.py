"""What a month of a group is worth by itself: agreed charges, credits, the minimum charge. Nothing of another month."""

from basics import NoBill, checked, item
from credits import pay
from terms import terms


class Own:
    """Services are sums by project and tax group. Offers come in the order in which they are used; cap is what they may pay in all;
    before is what counts towards the commitment of earlier months of its term."""

    def __init__(self, month, services, offers, cap=None, before=0):
        self.month = month
        total = sum(services.values())
        self.agreed = terms(month, total, month.general(), bool(services), before)
        self.before_credits = total + sum(entry["total"] for entry in self.agreed)
        running = total
        for entry in self.agreed:
            running = checked(running + entry["total"], month.digits, NoBill)
        self.open = {}
        for (_, tax), amount in services.items():
            self.open[tax] = self.open.get(tax, 0) + amount
        for entry in self.agreed:
            if entry["kind"] != "Multiplier":
                self.open[entry["tax"]] = self.open.get(entry["tax"], 0) + entry["total"]
        self.uses, self.paid = pay(self.open, services, offers, self.before_credits if cap is None else cap)
        self.rounded = rounding(month, self.open)

    def parts(self):
        """All that is charged beside services, by what it is."""
        charged = [entry for entry in self.agreed if entry["kind"] != "Multiplier"]
        return {(entry["kind"], entry["key"], entry["tax"]): entry["total"] for entry in charged + self.paid + self.rounded}


def rounding(month, open_amounts):
    """What is too little to be worth a payment is not charged."""
    issuer = month.given["issuer"]
    minimum = issuer["minimums"].get(month.group["currency"], 0) if issuer else 0
    if not 0 < sum(open_amounts.values()) < minimum:
        return []
    return [item("Rounding", "minimumCharge", -left, tax) for tax, left in in_order(open_amounts) if left]


def in_order(by_tax):
    """Not taxed first; then by category, as S Z E AE O, and rate."""
    order = ["S", "Z", "E", "AE", "O"]
    return sorted(by_tax.items(), key=lambda pair: () if pair[0] is None else (order.index(pair[0][0]), pair[0][1]))
