"""Which rules of tax are a buyer's, and what they make of a bill."""

from fractions import Fraction

from basics import NoBill, checked, rounded

EU = set("AT AX BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())


def rules_of(month):
    """The rules that match the buyer, up to one that is for everything; or why there are none."""
    issuer = month.given["issuer"]
    if issuer is None:
        return "NoIssuer"
    if not issuer["rules"]:
        return "NoRules"
    in_force = month.in_force(issuer["rules"])
    buyer = Buyer(month.group["buyer"])
    matching = []
    for rule in in_force:
        if buyer.is_of_kind(rule["buyer"]) and buyer.is_where(rule, in_force) and buyer.may_owe(rule, issuer):
            matching.append(rule)
            if not rule["services"]:
                break
    return matching


def taxing(month):
    """All the rules that match the buyer of a month."""
    rules = rules_of(month)
    return [] if isinstance(rules, str) else rules


def rule_of(rules, kind):
    """The first rule for a type of service, or for what is none."""
    if isinstance(rules, str):
        return None
    return next((rule for rule in rules if not rule["services"] or kind in rule["services"]), None)


def group_of(rule):
    return rule and (rule["category"], Fraction(rule["rate"]))


def tax(month, amounts, reasons):
    """Once for each tax group, of all that it has. Reasons are by tax group."""
    from own import in_order
    subtotal = sum(amounts.values())
    rules = rules_of(month)
    without = amounts.get(None, 0)
    taxed = {group: base for group, base in amounts.items() if group is not None}
    if not isinstance(rules, str) and without:
        return untaxed("NoRule", subtotal, "NoTaxRule")
    if not taxed:
        if isinstance(rules, str):
            return untaxed(rules, subtotal)
        general = rule_of(rules, None)
        if general is None:
            return untaxed("NothingToTax", subtotal)
        taxed = {group_of(general): subtotal}
        reasons = {**reasons, group_of(general): reasons.get(group_of(general), set()) | {general["reason"]}}
    taxes, total = [], subtotal
    for group, base in in_order(taxed):
        exact = Fraction(base, 10**month.digits) * group[1] / 100
        amount = checked(rounded(exact, month.digits), month.digits, NoBill)
        total = checked(total + amount, month.digits, NoBill)
        why = "; ".join(sorted(reasons.get(group, set()) - {None})) or None
        taxes.append([group[0], str(group[1]), base, amount, why])
    return {"taxes": taxes, "untaxed": None, "tax": total - subtotal, "total": total, "holds": []}


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
    return {"MC": "FR", "AX": "FI", "IM": "GB"}.get(country, country)


def names(rule, country):
    """Whether a rule has a country in its list; Monaco counts as France, and so as a part of the Union."""
    return country in rule["countries"] or "EU" in rule["countries"] and vat_area(country) in EU


def untaxed(why, subtotal, *holds):
    return {"taxes": [], "untaxed": why, "tax": 0, "total": subtotal, "holds": list(holds)}
