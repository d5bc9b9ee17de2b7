"""The bill of one group for one month."""

import json
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction

from basics import NoBill, Problem, checked, costs, counted_in, is_of_no_hours, month_bounds, month_of, rounded, shown
from credits import usable
from own import Own
from organization import first_price, price
from scales import named, portions
from spelling import corrected
from terms import commitment_of, counted, last_of_term, months_before
from tax import group_of, rule_of, rules_of, tax

BASE = "EUR"  # of all exchange rates
MAX_AGE_DAYS = 10


class GroupMonth:
    def __init__(self, organization, group, month):
        self.organization, self.group, self.month = organization, group, month
        self.given = organization.given
        self.start, self.end = month_bounds(month)
        self.digits = group["digits"]
        # What holds for the month: closed ones keep what they were closed with.
        self.prices = self.given.get("prices_of", {}).get(month, self.given["prices"])
        self.rule = rule_of_hours(self.given, month)
        self.quotes = self.find_quotes()
        self.said_scaled = []  # what finals bill already on a scale: entry, record, begin and quantity

    def pays(self, project, instant):
        return self.organization.payer(project, self.month, instant) == self.group["uid"]

    def bill(self, brought=0, adjustments=(), settlement=None, late_problems=()):
        """Brought is what the month before left to be paid less; adjustments and late problems are of records of closed months."""
        if self.group["currency"] is None:
            raise NoBill
        lines, problems = self.services()
        projects = {
            name: 0 for name in self.organization.ledgers if any(self.pays(name, at) for at in self.instants(name))
        }
        sums = {}
        for line in lines:
            projects[line["project"]] += line["total"]
            key = (line["project"], line["tax"])
            sums[key] = sums.get(key, 0) + line["total"]
        credits = settlement.credits if settlement else self.given["credits"]
        before = self.spent_before(settlement)
        own = Own(self, sums, usable(self, credits), before=before)
        parts = settlement.parts if settlement else []
        amounts = dict(own.open)
        for entry in own.rounded + list(adjustments) + parts:
            amounts[entry["tax"]] = amounts.get(entry["tax"], 0) + entry["total"]
        for reached in [*projects.values(), sum(sums.values()), sum(amounts.values())]:
            checked(reached, self.digits, NoBill)
        subtotal = sum(amounts.values())
        columns = ["record", "start", "end", "price", "pre", "total", "price_total"]
        told = [
            [line[column] for column in columns]
            + [shown(line["tax"]), line["at"][0]["unit"], line["portion"], line["at"][0]["list"]]
            for line in lines
        ]
        taxed = tax(self, amounts, self.reasons(lines + list(adjustments), own, parts))
        left = taxed["total"] - brought
        items = own.agreed + own.paid + own.rounded
        return {
            "lines": sorted(told, key=lambda line: (line[:3], "null" if line[9] is None else json.dumps(line[9], separators=(",", ":")))),
            "items": [[entry["kind"], entry["key"], shown(entry["tax"]), entry["total"]] for entry in items],
            "adjustments": sorted(
                [entry["month"], entry["record"], entry["invoice"], entry["begin"], entry["total"]]
                + [entry["pre"], entry["closed_by"], shown(entry["tax"])]
                for entry in adjustments
                if "entry" not in entry
            ),
            "refills": [
                [entry["month"], named(entry["by"]), entry["project"], shown(entry["tax"]), str(entry["after"]), entry["total"]]
                + [entry["closed_by"]]
                for entry in adjustments
                if "entry" in entry
            ],
            "parts": [
                [part["month"], part["kind"], part["name"], shown(part["tax"]), part["total"], part["closed_by"]]
                for part in parts
            ],
            "returned": settlement.returned if settlement else [],
            "brought": brought,
            "due": max(0, left),
            "carried": max(0, -left) or None,
            "projects": dict(sorted(projects.items())),
            "commitment": self.progress(before + counted(self, sum(sums.values()))),
            "subtotal": subtotal,
            "rate": self.rate(lines),
            "problems": sorted({*problems, *late_problems}),
            **taxed,
        }

    def reasons(self, lines, own, parts):
        """Why nothing is charged: of each tax group, what the rules say by which lines came into it."""
        rules = rules_of(self)
        found = {}
        def add(rule):
            if rule:
                found.setdefault(group_of(rule), set()).add(rule["reason"])
        for line in lines:
            for rule in line.get("reasons", [line.get("rule")]):
                add(rule)
        if any(entry["kind"] != "Multiplier" for entry in own.agreed):
            add(rule_of(rules, None))
        for part in parts:
            for rule in part["taxing"]:
                if group_of(rule) == part["tax"]:
                    add(rule)
        return found

    def spent_before(self, settlement):
        """In earlier months of the commitment's term: of those that are final as they are settled, else as they would be billed now."""
        spent = 0
        for month in months_before(self):
            if settlement:
                spent += settlement.worth(month)
            else:
                earlier = GroupMonth(self.organization, self.group, month)
                spent += counted(earlier, sum(line["total"] for line in earlier.services()[0]))
        return spent

    def progress(self, spent):
        if last_of_term(self) is None:
            return None
        return [spent, max(0, commitment_of(self)["amount"] - spent)]

    def count_of_projects(self):
        """That the group pays for at the end of the month; as its final has it."""
        if "counted" in self.group:
            return self.group["counted"]
        return sum(self.pays(name, self.end - 1) for name in self.organization.ledgers)

    def months_closed(self):
        return [month for month in self.given["months"] if self.group["first_period"] <= month < self.month]

    def months_settled(self):
        """The months are given in their order: so many before this one are settled."""
        closed = self.months_closed()
        within = closed[-self.given["window"] :] if self.given.get("window") else closed
        return [month for month in within if (self.group["uid"], month) in self.given["closed_with"]]

    def number_of(self, month):
        """Of the group's final; of one that was issued again the last."""
        number = f"{self.group['name']}-{self.given['months'].index(month) + 1}"
        return self.given.get("in_force", {}).get(number, number)

    def closed(self, month):
        """A closed month of the group, as its final has it; of one that was taken back in full for the buyer of now."""
        recorded = self.recorded(month)
        if self.number_of(month) in self.given.get("reversed", ()):
            recorded.group = {**recorded.group, "buyer": self.group["buyer"]}
        return recorded

    def recorded(self, month):
        """A closed month of the group, as its final has it."""
        recorded = self.given.get("closed_with", {}).get((self.group["uid"], month), self.group)
        return GroupMonth(self.organization, recorded, month)

    def general(self):
        return group_of(rule_of(rules_of(self), None))

    def instants(self, project):
        cuts = {self.start} | {segment["from"] for segment in self.organization.ledgers[project]}
        return [cut for cut in cuts if self.start <= cut < self.end]

    def in_force(self, terms):
        return [
            term
            for term in terms
            if (term["first"] is None or term["first"] <= self.month)
            and (term["last"] is None or self.month <= term["last"])
        ]

    # Services.

    def services(self):
        lines, problems, running = [], [], {}
        self.portions, self.sums = portions(self.taking() + list(self.said_scaled))
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
        """The lines of a record, and the times in which the group pays for it as something that runs."""
        start, as_of = record["start"], self.given["as_of"]
        if record.get("readings") is not None:
            return self.charge_readings(record), []
        until = as_of if record["end"] is None else min(record["end"], as_of)
        service = record["service"]
        first = price(self.prices, service, start, running_only=False)
        slip = corrected(self.prices, service)
        if first and first["unit"] == "Unit" or first is None and start == until:
            return self.charge_event(record, first, slip), []
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
            entry = price(self.prices, service, begin, running_only=True)
            if entry is None or slip and self.is_another_price(slip, entry, start, begin):
                raise Problem
            if pieces and pieces[-1][1] == begin and is_same(pieces[-1][2], entry):
                pieces[-1][1] = end
            else:
                pieces.append([begin, end, entry])
        rule = self.rule
        # A piece in which no hour begins is paid with the hour that began before it.
        counted = [(begin, end, entry) for begin, end, entry in pieces if not is_of_no_hours(entry, rule, start, begin, end)]
        return [self.line(record, begin, end, entry) for begin, end, entry in counted], times

    def cuts(self, record, until):
        cuts = {self.start, self.end, record["start"], until}
        cuts.update(segment["from"] for segment in self.organization.ledgers.get(record["project"], []))
        for entry in (entry for price_list in self.prices["lists"] for entry in price_list["entries"]):
            cuts.update([entry["from"]] if entry["until"] is None else [entry["from"], entry["until"]])
        for period in self.given["billed"]["periods"].get(record["name"], []):
            cuts.update(period)
        return sorted(cut for cut in cuts if self.start <= cut <= self.end)

    def charge_event(self, record, entry, slip):
        start = record["start"]
        if not self.is_event_here(record):
            return []
        self.check_group()
        if entry is None or slip and not costs_the_same(entry, first_price(self.prices, slip, start, running_only=False)):
            raise Problem
        if entry["scale"]:
            return [self.line(record, start, start, entry, piece) for piece in self.portions[record["name"], start]]
        return [self.line(record, start, start, entry)]

    def charge_readings(self, record):
        lines = []
        for begin, end, entry, quantity in self.intervals(record):
            if entry["scale"]:
                pieces = self.portions[record["name"], begin]
                lines += [self.line(record, begin, end, entry, piece) for piece in pieces]
            else:
                lines.append(self.line(record, begin, end, entry, quantity=quantity))
        return lines

    def intervals(self, record):
        """What of a metered record is to be billed: intervals of one price and one payer in which something was counted."""
        start = record["start"]
        if month_of(start) != self.month:
            return []
        until = min(self.end if record["end"] is None else record["end"], self.given["as_of"])
        billed = self.given["billed"]["periods"].get(record["name"], [])
        found = []
        cuts = self.cuts(record, until)
        for begin, end in zip(cuts, cuts[1:]):
            if not (start <= begin and end <= until) or not self.pays(record["project"], begin):
                continue
            if any(a <= begin < b for a, b in billed):
                continue
            self.check_group()
            entry = price(self.prices, record["service"], begin, running_only=False)
            if entry is None or entry["unit"] != "Unit":
                raise Problem  # nobody guesses what a count costs
            if found and found[-1][1] == begin and costs_the_same(found[-1][2], entry):
                found[-1][1] = end
            else:
                found.append([begin, end, entry])
        return [
            (begin, end, entry, counted_in(record, begin, end))
            for begin, end, entry in found
            if counted_in(record, begin, end)
        ]

    def is_another_price(self, slip, entry, start, instant):
        """Whether something that runs would be priced otherwise if a slip in its words were corrected."""
        first = first_price(self.prices, slip, start, running_only=False)
        is_event = first is not None and first["unit"] == "Unit"
        return is_event or not costs_the_same(entry, first_price(self.prices, slip, instant, running_only=True))

    def taking(self):
        """What comes together: entry, record, begin and quantity."""
        found = []
        for record in filter(self.organization.counts, self.given["usage"]):
            if record.get("readings") is not None:
                found += self.taking_of_readings(record)
                continue
            entry = price(self.prices, record["service"], record["start"], running_only=False)
            if entry and entry["unit"] == "Unit" and entry["scale"] and self.is_event_here(record):
                found.append((entry, record, record["start"], Fraction(record["quantity"])))
        return found

    def taking_of_readings(self, record):
        try:
            intervals = self.intervals(record)
        except Problem:
            return []
        return [(entry, record, begin, quantity) for begin, _, entry, quantity in intervals if entry["scale"]]

    def is_event_here(self, record):
        start = record["start"]
        here = self.start <= start < self.end and start < self.given["as_of"]
        return here and self.pays(record["project"], start) and record["name"] not in self.given["billed"]["events"]

    def check_group(self):
        if self.month < self.group["first_period"] or self.quotes is None:
            raise Problem

    def line(self, record, begin, end, entry, piece=None, quantity=None):
        if piece:
            price, before, much, *span = piece
            quantity = Fraction(1)
        else:
            price = Fraction(entry["price"])
            span = costs(entry, self.rule, record["start"], begin, end)
            quantity = Fraction(record["quantity"]) if quantity is None else quantity
        left = Fraction(1)
        for discount in self.in_force(self.group["terms"]["discounts"]):
            left *= 1 - Fraction(discount["percent"]) / 100
        day, of_price, of_group = self.quotes
        paid = quantity * of_group / of_price
        pre = between(span, paid, self.digits)
        total = between(span, paid * left, self.digits)
        price_total = between(span, quantity * left, self.prices["digits"]) if day else None
        rule = rule_of(rules_of(self), record["service"]["kind"])
        return {
            "record": record["name"],
            "project": record["project"],
            "start": begin,
            "end": end,
            "price": str(price),
            "pre": pre,
            "total": total,
            "price_total": price_total,
            "rule": rule,
            "tax": group_of(rule),
            "at": (entry, of_group / of_price, left),
            "portion": piece and [str(before), str(much)],
        }

    # Exchange rates.

    def find_quotes(self):
        """The day and what one of the base costs in the prices' and the group's currency then; no day if they are one."""
        of_price, of_group = self.prices["currency"], self.group["currency"]
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
        price_digits = self.prices["digits"]
        prices = checked(sum(line["price_total"] for line in lines), price_digits, NoBill)
        return [day, str(of_price), str(of_group), prices]


def between(span, times, digits):
    """What comes to be due from the begin of a piece to its end."""
    begin, end = (checked(rounded(one * times, digits), digits, Problem) for one in span)
    return end - begin


def rule_of_hours(given, month):
    return given.get("hours_of", {}).get(month, given["hours"])


def costs_the_same(one, other):
    if one is None or other is None:
        return one is other
    return is_same(one, other) and one["scale"] == other["scale"]


def is_same(one, other):
    """Whether two entries say the same price in the same words."""
    def priced(entry):
        most = entry["most"] and Fraction(entry["most"])
        return entry["unit"], Fraction(entry["price"]), entry["per"], entry["unit_name"], most, entry["hours"]
    return priced(one) == priced(other)
