"""The invoice engine once more, in another language and by other hands' means: fractions, sets and plain loops.

Reads organizations as JSON, one a line, and writes the bills of all their groups and months, one line for each
organization. Written after the rules in the documentation, not after the engine: where the two differ, one of them is
wrong. Only the standard library; times are microseconds since 1970.
"""

import calendar
import json
import sys
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction

HOUR = 3_600_000_000
BASE = "EUR"  # of all exchange rates
MAX_AGE_DAYS = 10
MAJOR_DIGITS = 13  # the most digits before the point of an amount on a document
EU = set("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())


class Problem(Exception):
    """The record cannot be billed."""


class NoBill(Exception):
    """There is no bill at all."""


def month_bounds(month):
    year, number = map(int, month.split("-"))
    start = calendar.timegm((year, number, 1, 0, 0, 0)) * 1_000_000
    following = (year + number // 12, number % 12 + 1)
    return start, calendar.timegm((*following, 1, 0, 0, 0)) * 1_000_000


def month_of(micros):
    instant = datetime.fromtimestamp(micros // 1_000_000, timezone.utc)
    return f"{instant.year:04}-{instant.month:02}"


def rounded(exact, digits):
    """To whole minor units, half away from zero."""
    scaled = abs(exact) * 10**digits
    whole = (scaled.numerator * 2 + scaled.denominator) // (scaled.denominator * 2)
    return whole if exact >= 0 else -whole


def checked(minor, digits, error):
    if abs(minor) >= 10 ** (MAJOR_DIGITS + digits):
        raise error
    return minor


class Organization:
    def __init__(self, given):
        self.given = given
        self.groups = {group["uid"]: group for group in given["groups"]}
        self.usage = {usage["name"]: usage for usage in given["usage"]}
        self.ledgers = {project["name"]: project["segments"] for project in given["projects"]}

    # Who pays.

    def lives(self, uid, month):
        group = self.groups.get(uid)
        return group is not None and (group["deleted"] is None or month <= month_of(group["deleted"]))

    def payer(self, project, month, instant):
        """The group that pays for the project at an instant of the month."""
        segments = self.ledgers.get(project)
        if not segments:
            return None
        decisive = month_bounds(month)[1] if self.given["attribution"] == "MonthEnd" else instant
        current = max([place for place, segment in enumerate(segments) if segment["from"] <= decisive], default=0)
        for place in range(current, len(segments)):
            payer = self.without_default(segments, place)
            if self.lives(payer, month):
                return payer
        primaries = [
            group
            for group in self.groups.values()
            if group["primary"]
            and self.lives(group["uid"], month)
            and (group["allowed"] is None or project in group["allowed"])
        ]
        oldest = min(primaries, key=lambda group: (group["created"], group["name"]), default=None)
        return oldest["uid"] if oldest else None

    @staticmethod
    def without_default(segments, place):
        """A default segment yields to a chosen one that begins later in the same month."""
        if segments[place]["default"]:
            for later in segments[place + 1 :]:
                if not later["default"]:
                    if month_of(later["from"]) == month_of(segments[place]["from"]):
                        return later["group"]
                    break
        return segments[place]["group"]

    # What counts.

    def counts(self, record):
        """Nothing replaces it; within a circle the `replaces` of the first name is taken as not given."""
        return not any(
            other["replaces"] == record["name"] and not self.is_first_of_a_circle(other)
            for other in self.usage.values()
        )

    def is_first_of_a_circle(self, record):
        seen = []
        current = record["name"]
        while current in self.usage and current not in seen:
            seen.append(current)
            current = self.usage[current]["replaces"]
        return current == record["name"] and min(seen) == record["name"]

    # What it costs.

    def price(self, service, instant, hourly_only):
        """The most specific entry that is valid: type, plan, cloud; type, plan; type, cloud; type."""
        best = None
        for entry in self.given["prices"]["entries"]:
            fits = (
                entry["kind"] == service["kind"]
                and entry["plan"] in (None, service["plan"])
                and entry["cloud"] in (None, service["cloud"])
                and entry["from"] <= instant
                and (entry["until"] is None or instant < entry["until"])
            )
            if fits and not (hourly_only and entry["unit"] != "Hour"):
                rank = (entry["plan"] is not None, entry["cloud"] is not None)
                if best is None or rank > best[0]:
                    best = (rank, entry)
        return best[1] if best else None


def hours(rule, start, begin, end):
    if rule == "Exact":
        return Fraction(end - begin, HOUR)
    def until(instant):
        return 0 if instant <= start else max(1, -((start - instant) // HOUR))
    return Fraction(until(end) - until(begin))


class GroupMonth:
    def __init__(self, organization, group, month):
        self.organization, self.group, self.month = organization, group, month
        self.given = organization.given
        self.start, self.end = month_bounds(month)
        self.digits = group["digits"]
        self.quotes = self.find_quotes()

    def pays(self, project, instant):
        return self.organization.payer(project, self.month, instant) == self.group["uid"]

    def bill(self, past=None, brought=None):
        """The past is what finals say of closed months; brought is what the month before carried forward."""
        if self.group["currency"] is None:
            raise NoBill
        lines, problems = self.services()
        projects = {
            name: 0 for name in self.organization.ledgers if any(self.pays(name, at) for at in self.instants(name))
        }
        for line in lines:
            projects[line["project"]] += line["total"]
        services = sum(line["total"] for line in lines)
        items = self.terms(services)
        if brought:
            items.append(item("OtherEvent", "brought forward", -brought))
        adjustments = self.late(past) if past is not None else []
        adjusted = sum(adjustment["total"] for adjustment in adjustments)
        items.append(item("", "", adjusted))
        carried = min(0, services + sum(entry["total"] for entry in items))
        if carried < 0:
            items.append(item("OtherEvent", self.group["name"], -carried))
        items += self.credits(services + sum(entry["total"] for entry in items), projects)
        items += self.rounding(services + sum(entry["total"] for entry in items))
        for reached in [*projects.values(), services, *running_sums(services, items)]:
            checked(reached, self.digits, NoBill)
        subtotal = services + sum(item["total"] for item in items)
        columns = ["record", "start", "end", "price", "pre", "total", "price_total"]
        shown = sorted(([line[column] for column in columns] for line in lines), key=lambda line: line[:3])
        return {
            "lines": shown,
            "items": [[item["kind"], item["key"], item["total"]] for item in items if item["kind"]],
            "adjustments": sorted(
                [entry["month"], entry["record"], entry["invoice"], entry["begin"], entry["pre"], entry["total"]]
                for entry in adjustments
            ),
            "carried": -carried if carried < 0 else None,
            "projects": dict(sorted(projects.items())),
            "subtotal": subtotal,
            "rate": self.rate(lines),
            "problems": sorted(problems),
            **self.tax(subtotal),
        }

    def instants(self, project):
        cuts = {self.start} | {segment["from"] for segment in self.organization.ledgers[project]}
        return [cut for cut in cuts if self.start <= cut < self.end]

    # Services.

    def services(self):
        lines, problems, running = [], [], {}
        for record in sorted(self.given["usage"], key=lambda record: (record["start"], record["name"])):
            if not self.organization.counts(record):
                continue
            try:
                charged, times = self.charge(record)
                others = running.setdefault((record["project"], record["service"]["name"]), [])
                if charged and any(a < d and c < b for a, b in times for c, d in others):
                    raise Problem
                others.extend(times)
                lines.extend(charged)
            except Problem:
                problems.append(record["name"])
        return lines, problems

    def charge(self, record):
        """The lines of a record, and the times in which the group pays for it by the hour."""
        start, as_of = record["start"], self.given["as_of"]
        until = as_of if record["end"] is None else min(record["end"], as_of)
        service = record["service"]
        first = self.organization.price(service, start, hourly_only=False)
        if first and first["unit"] == "Unit" or first is None and start == until:
            return self.charge_event(record, first), []
        cuts = self.cuts(record, until)
        times, pieces = [], []
        billed = self.given["billed"]["periods"].get(record["name"], [])
        for begin, end in zip(cuts, cuts[1:]):
            if not (start <= begin and end <= until) or not self.pays(record["project"], begin):
                continue
            times.append((begin, end))
            if any(a <= begin < b for a, b in billed):
                continue
            self.check_group()
            entry = self.organization.price(service, begin, hourly_only=True)
            if entry is None:
                raise Problem
            if pieces and pieces[-1][1] == begin and Fraction(pieces[-1][2]) == Fraction(entry["price"]):
                pieces[-1][1] = end
            else:
                pieces.append([begin, end, entry["price"]])
        rule = self.given["hours"]
        charged = [self.line(record, begin, end, price, hours(rule, start, begin, end)) for begin, end, price in pieces]
        return charged, times

    def cuts(self, record, until):
        cuts = {self.start, self.end, record["start"], until}
        cuts.update(segment["from"] for segment in self.organization.ledgers.get(record["project"], []))
        for entry in self.given["prices"]["entries"]:
            cuts.update([entry["from"]] if entry["until"] is None else [entry["from"], entry["until"]])
        for period in self.given["billed"]["periods"].get(record["name"], []):
            cuts.update(period)
        return sorted(cut for cut in cuts if self.start <= cut <= self.end)

    def charge_event(self, record, entry):
        start = record["start"]
        here = self.start <= start < self.end and start < self.given["as_of"]
        if not here or not self.pays(record["project"], start) or record["name"] in self.given["billed"]["events"]:
            return []
        self.check_group()
        if entry is None:
            raise Problem
        return [self.line(record, start, start, entry["price"], Fraction(1))]

    def check_group(self):
        if self.month < self.group["first_period"] or self.quotes is None:
            raise Problem

    def line(self, record, begin, end, price, count):
        exact = count * Fraction(record["quantity"]) * Fraction(price)
        left = Fraction(1)
        for discount in self.in_force(self.group["terms"]["discounts"]):
            left *= 1 - Fraction(discount["percent"]) / 100
        day, of_price, of_group = self.quotes
        paid = exact * of_group / of_price
        pre = checked(rounded(paid, self.digits), self.digits, Problem)
        total = checked(rounded(paid * left, self.digits), self.digits, Problem)
        price_digits = self.given["prices"]["digits"]
        price_total = checked(rounded(exact * left, price_digits), price_digits, Problem) if day else None
        return {
            "record": record["name"],
            "project": record["project"],
            "start": begin,
            "end": end,
            "price": str(Fraction(price)),
            "pre": pre,
            "total": total,
            "price_total": price_total,
            "at": (Fraction(price) * of_group / of_price, left),
        }

    # Closed months.

    def late(self, past):
        """What the group's finals of closed months would say more, or less, if they knew what is known now."""
        found = []
        for month in [month for month in self.given["months"] if self.group["first_period"] <= month < self.month]:
            found += self.corrections(month, past)
            for line in GroupMonth(self.organization, self.group, month).services()[0]:
                found.append({**line, "month": month, "invoice": "", "begin": line["start"]})
        return found

    def corrections(self, month, past):
        """One for each record and final of the group; none where both amounts are as they should be."""
        sums = {}
        for billed in past:
            if (billed["group"], billed["month"]) == (self.group["uid"], month):
                pre, total = self.worth(billed)
                known = sums.setdefault((billed["record"], billed["invoice"]), [0, 0])
                known[0] += pre - billed["pre"]
                known[1] += total - billed["total"]
        return [
            {"month": month, "record": record, "invoice": invoice, "begin": 0, "pre": pre, "total": total}
            for (record, invoice), (pre, total) in sums.items()
            if pre or total
        ]

    def worth(self, billed):
        """What a line of a final should come to: at its own price, discounts, rate and digits."""
        record = self.organization.usage[billed["record"]]
        if billed["at"] is None or not self.organization.counts(record):
            return 0, 0
        price, left = billed["at"]
        begin, end, start = billed["start"], billed["end"], record["start"]
        count = 1
        if begin < end:
            until = end if record["end"] is None else min(end, record["end"])
            count = hours(self.given["hours"], start, begin, until) if begin < until else 0
        exact = count * Fraction(record["quantity"]) * price
        return rounded(exact, self.digits), rounded(exact * left, self.digits)

    # Exchange rates.

    def find_quotes(self):
        """The day and what one of the base costs in the prices' and the group's currency then; no day if they are one."""
        of_price, of_group = self.given["prices"]["currency"], self.group["currency"]
        if of_price == of_group:
            return None, Fraction(1), Fraction(1)
        latest = datetime.fromtimestamp(min(self.given["as_of"], self.end) // 1_000_000, timezone.utc).date()
        for text, quoted in sorted(self.given["rates"].items(), reverse=True):
            known = {BASE: "1", **quoted}
            age = latest - date.fromisoformat(text)
            if timedelta(0) <= age <= timedelta(MAX_AGE_DAYS) and of_price in known and of_group in known:
                return text, Fraction(known[of_price]), Fraction(known[of_group])
        return None

    def rate(self, lines):
        if not lines or self.quotes[0] is None:
            return None
        day, of_price, of_group = self.quotes
        price_digits = self.given["prices"]["digits"]
        prices = checked(sum(line["price_total"] for line in lines), price_digits, NoBill)
        return [day, str(of_price), str(of_group), prices]

    # Terms.

    def in_force(self, terms):
        return [
            term
            for term in terms
            if (term["first"] is None or term["first"] <= self.month)
            and (term["last"] is None or self.month <= term["last"])
        ]

    def terms(self, services):
        terms = self.group["terms"]
        items = [item("Multiplier", term["name"], 0) for term in self.in_force(terms["discounts"])]
        charges = self.in_force(terms["charges"])
        for kind in ["ExtraCharge", "SupportCharge"]:
            items += [item(kind, charge["name"], self.agreed(charge, services)) for charge in charges if charge["kind"] == kind]
        spent = services + sum(entry["total"] for entry in items)
        commitment = terms["commitment"]
        if commitment and self.in_force([commitment]) and commitment["amount"] > spent:
            items.append(item("CommitmentFee", commitment["name"], commitment["amount"] - spent))
        kind = "OtherEvent"
        items += [item(kind, charge["name"], self.agreed(charge, services)) for charge in charges if charge["kind"] == kind]
        return items

    def agreed(self, charge, services):
        if charge["percent"] is None:
            return charge["amount"]
        part = Fraction(services, 10**self.digits) * Fraction(charge["percent"]) / 100
        return max(rounded(part, self.digits), charge["minimum"] or 0)

    # Credits.

    def credits(self, net, projects):
        """Expiry, start, name; one that is limited to projects pays for what they cost, project by project."""
        usable = [
            credit
            for credit in self.given["credits"]
            if credit["currency"] == self.group["currency"]
            and (credit["starts"] is None or credit["starts"] < self.end)
            and (credit["expires"] is None or self.start < credit["expires"])
        ]
        never = float("inf")
        usable.sort(key=lambda credit: (
            never if credit["expires"] is None else credit["expires"],
            -never if credit["starts"] is None else credit["starts"],
            credit["name"],
        ))
        items, unpaid = [], dict(projects)
        for credit in usable:
            limits = credit["projects"]
            most = net if limits is None else min(net, sum(unpaid.get(name, 0) for name in limits))
            used = min(most, credit["left"])
            if used <= 0:
                continue
            items.append(item("CreditConsumption", credit["name"], -used))
            net -= used
            for name in sorted(limits or []):
                paid = min(used, unpaid.get(name, 0))
                if paid:
                    unpaid[name] -= paid
                    used -= paid
        return items

    # The minimum charge, and tax.

    def rounding(self, net):
        """What is too little to be worth a payment is not charged."""
        minimums = self.given["issuer"]["minimums"] if self.given["issuer"] else {}
        if 0 < net < minimums.get(self.group["currency"], 0):
            return [item("Rounding", "minimumCharge", -net)]
        return []

    def tax(self, subtotal):
        """By the first rule that matches, once, of the whole."""
        issuer = self.given["issuer"]
        if issuer is None:
            return untaxed("NoIssuer", subtotal)
        if not issuer["rules"]:
            return untaxed("NoRules", subtotal)
        in_force = self.in_force(issuer["rules"])
        buyer = Buyer(self.group["buyer"])
        for rule in in_force:
            if buyer.is_of_kind(rule["buyer"]) and buyer.is_where(rule, in_force) and buyer.may_owe(rule, issuer):
                rate = Fraction(rule["rate"])
                amount = checked(rounded(Fraction(subtotal, 10**self.digits) * rate / 100, self.digits), self.digits, NoBill)
                total = checked(subtotal + amount, self.digits, NoBill)
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


def item(kind, key, total):
    return {"kind": kind, "key": key, "total": total}


def running_sums(start, items):
    sums = []
    for entry in items:
        start += entry["total"]
        sums.append(start)
    return sums


def history(given):
    """The bills of one month after the other, each knowing what has come in by then, and what those before billed."""
    past, brought, answers = [], {}, []
    for index, month in enumerate(given["months"]):
        known = [usage for usage in given["usage"] if given["history"][usage["name"]][0] <= index]
        known = [{**usage, "end": usage["end"] if given["history"][usage["name"]][1] <= index else None} for usage in known]
        for group in sorted(given["groups"], key=lambda group: group["name"]):
            now = {**given, "usage": known, "as_of": month_bounds(month)[1], "billed": taken(past)}
            if group["name"] != "a":
                now["credits"] = []
            current = GroupMonth(Organization(now), group, month)
            bill = current.bill(past, brought.pop(group["name"], None))
            answers.append(bill)
            invoice = f"{group['name']}-{index + 1}"
            for line in current.services()[0]:
                past.append({**line, "group": group["uid"], "month": month, "invoice": invoice})
            for entry in current.late(list(past)):
                about = entry["invoice"] or invoice
                past.append({"at": None, "start": 0, "end": 0, **entry, "group": group["uid"], "invoice": about})
            brought[group["name"]] = bill["carried"]
            for kind, key, total in bill["items"]:
                for credit in given["credits"]:
                    if (kind, key) == ("CreditConsumption", credit["name"]):
                        credit["left"] += total
    return answers


def taken(past):
    """The intervals and the single units that finals bill."""
    periods, events = {}, []
    for billed in past:
        if billed["at"] is not None and billed["start"] < billed["end"]:
            periods.setdefault(billed["record"], []).append([billed["start"], billed["end"]])
        elif billed["at"] is not None:
            events.append(billed["record"])
    return {"periods": periods, "events": events}


def bills(given):
    if "history" in given:
        return history(given)
    organization = Organization(given)
    answers = []
    for month in given["months"]:
        for group in given["groups"]:
            try:
                answers.append(GroupMonth(organization, group, month).bill())
            except NoBill:
                answers.append(None)
    return answers


def main():
    for line in sys.stdin:
        json.dump(bills(json.loads(line)), sys.stdout)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
