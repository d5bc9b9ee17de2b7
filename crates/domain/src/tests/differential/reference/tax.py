"""The minimum charge, and tax."""

from fractions import Fraction

from basics import NoBill, checked, item, rounded

EU = set("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())


def rounding(month, net):
    """What is too little to be worth a payment is not charged."""
    minimums = month.given["issuer"]["minimums"] if month.given["issuer"] else {}
    if 0 < net < minimums.get(month.group["currency"], 0):
        return [item("Rounding", "minimumCharge", -net)]
    return []


def tax(month, subtotal):
    """By the first rule that matches, once, of the whole."""
    issuer = month.given["issuer"]
    if issuer is None:
        return untaxed("NoIssuer", subtotal)
    if not issuer["rules"]:
        return untaxed("NoRules", subtotal)
    in_force = month.in_force(issuer["rules"])
    buyer = Buyer(month.group["buyer"])
    for rule in in_force:
        if buyer.is_of_kind(rule["buyer"]) and buyer.is_where(rule, in_force) and buyer.may_owe(rule, issuer):
            rate = Fraction(rule["rate"])
            exact = Fraction(subtotal, 10**month.digits) * rate / 100
            amount = checked(rounded(exact, month.digits), month.digits, NoBill)
            total = checked(subtotal + amount, month.digits, NoBill)
            group = [rule["category"], str(rate), subtotal, amount, rule["reason"]]
            return {"taxes": [group], "untaxed": None, "tax": amount, "total": total, "holds": []}
    if subtotal == 0:
        return untaxed("NothingToTax", subtotal)
    return untaxed("NoRule", subtotal, "NoTaxRule")


class Buyer:
    """Who pays, as tax rules see it."""

    def __init__(self, given):
        vat = given["vat"]
        refused = vat is not None and vat["finding"] == "Refused"
        self.confirmed = vat is not None and vat["finding"] == "Confirmed"
        wrong = refused or vat is not None and vat["check"] == "Failed" and not self.confirmed
        self.vat = None if wrong else vat
        self.country = given["home"] or (self.vat["country"] if self.vat else None)

    def is_of_kind(self, kind):
        return kind == "Any" or (kind == "Business") == (self.vat is not None)

    def is_where(self, rule, in_force):
        if rule["countries"]:
            return names(rule, self.country)
        if rule["category"] == "S":
            return True
        return self.country is not None and not any(names(other, self.country) for other in in_force)

    def may_owe(self, rule, issuer):
        """Reverse charge is for a sound VAT id of where the buyer is, abroad."""
        if rule["category"] != "AE":
            return True
        if self.vat is None or self.country is None:
            return False
        form = self.confirmed or self.vat["check"] == "Passed"
        good = form if issuer["reverse_charge_requires"] == "Format" else self.confirmed
        at_home = vat_area(self.vat["country"]) == vat_area(self.country)
        abroad = vat_area(issuer["country"]) != vat_area(self.country)
        return good and at_home and (abroad or self.country in rule["countries"])


def vat_area(country):
    return "FR" if country == "MC" else country


def names(rule, country):
    """Whether a rule has a country in its list; Monaco counts as France, and so as a part of the Union."""
    return country in rule["countries"] or "EU" in rule["countries"] and vat_area(country) in EU


def untaxed(why, subtotal, *holds):
    return {"taxes": [], "untaxed": why, "tax": 0, "total": subtotal, "holds": list(holds)}
