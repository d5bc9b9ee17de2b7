"""Months that become final one after the other, and what they adjust of those before."""

import json
from fractions import Fraction

from basics import costs, counted_in, month_bounds, month_of, rounded, shown, to_bill
from credits import pay, usable
from group_month import GroupMonth, rule_of_hours
from organization import Organization
from own import rounding
from scales import named, place
from settle import Settlement, is_part
from tax import group_of, rule_of, tax, taxing


def history(given):
    """The bills of one month after the other, each knowing what has come in by then, and what those before billed; and after them what
    was issued again in that month."""
    office = Office(given)
    answers = []
    for index in range(len(given["months"])):
        answers += office.close(index)
        for note in given["notes"]:
            if note["after"] == index:
                answers += office.take_back(note, index)
    return answers


class Office:
    """Closes months, and keeps what their documents say."""

    def __init__(self, given):
        self.given, self.past, self.brought = given, [], {}
        self.reversed, self.in_force, self.taxed_again = set(), {}, set()
        self.closed_with = {}  # each group as the final of each month has it
        self.reasons = {}  # what finals print, by number and tax group
        self.credits = {group["uid"]: [] for group in given["groups"]}
        for credit in given["credits"]:
            self.credits[given["groups"][0]["uid"]].append(credit)

    def known(self, index):
        """All that is known when a month is over."""
        month = self.given["months"][index]
        kept = {"closed_with": self.closed_with, "in_force": self.in_force}
        kept |= {"taxed_again": self.taxed_again, "reversed": self.reversed}
        here = {"usage": known(self.given, index), "as_of": month_bounds(month)[1], "billed": taken(self.past)}
        return {**self.given, **self.given["there"][index], **here, **kept}

    def close(self, index):
        answers = []
        month = self.given["months"][index]
        for group in sorted(self.given["there"][index]["groups"], key=lambda group: group["name"]):
            uid, number = group["uid"], f"{group['name']}-{index + 1}"
            now = self.known(index)
            now["credits"] = self.credits[uid]
            organization = Organization(now)
            current = GroupMonth(organization, group, month)
            adjustments, problems, settlement = self.settle(current)
            bill = current.bill(self.brought.pop(uid, 0), adjustments, settlement, problems)
            answers.append(bill)
            self.past += said(current, adjustments, number)
            self.past += said_of_parts(current, bill, settlement, number)
            self.closed_with[uid, month] = {**group, "counted": current.count_of_projects()}
            self.reasons[number] = printed(bill)
            self.brought[uid] = bill["carried"] or 0
            for credit in self.credits[uid]:
                credit["left"] -= settlement.used.get(credit["name"], 0)
                for kind, key, _, total in bill["items"]:
                    if (kind, key) == ("CreditConsumption", credit["name"]):
                        credit["left"] += total
            self.credits[uid] += self.returned(settlement, number, month)
        return answers

    def settle(self, current):
        """The adjustments, what cannot be billed, and the settlement: of the group's own months, and of those that it succeeds to."""
        adjustments, changes, problems = late(current, self.past, self.reversed)
        settlement = Settlement(current, changes, self.past, current.given["credits"], self.reversed)
        for gone in self.succeeded(current):
            credits = [{**credit, "left": 0} for credit in self.credits[gone.group["uid"]]]
            more, changes, unbilled = late(gone, self.past, self.reversed, gone.number_of)
            of_gone = Settlement(gone, changes, self.past, credits, self.reversed, gone.number_of)
            adjustments += more
            problems |= unbilled
            settlement.parts += of_gone.parts
            settlement.returned += of_gone.returned
        return adjustments, problems, settlement

    def succeeded(self, current):
        """The groups that are gone and whose months this one settles, as they were at last; who buys now is this one."""
        there, last = current.organization.groups, {}
        for (uid, month), group in sorted(self.closed_with.items(), key=lambda pair: pair[0][1]):
            if uid not in there:
                last[uid] = group
        found = []
        for group in sorted(last.values(), key=lambda group: group["name"]):
            if current.organization.successor(group) == current.group:
                group = {**group, "buyer": current.group["buyer"]}
                found.append(GroupMonth(current.organization, group, current.month))
        return found

    def returned(self, settlement, number, month):
        """What goes back to credits, as credits that the next invoice can use."""
        issued = month_bounds(month)[1]
        found = []
        for name, of, closed_by, amount in settlement.returned:
            which = closed_by or str(self.given["months"].index(of) + 1)
            found.append(restored(self.credit(name), f"{number}-{which}-{name}", amount, of, issued))
        return found

    def credit(self, name):
        return next(credit for credits in self.credits.values() for credit in credits if credit["name"] == name)

    def take_back(self, note, index):
        """What a credit note takes of what a final says: of one line, or of each what is left of it."""
        number = note["over"]
        for entry in self.past:
            if entry["on"] != number:
                continue
            if note.get("full"):
                entry["taken"] += max(0, entry["total"] - entry["taken"])
            elif name_of(entry) == note["line"]:
                entry["taken"] += note["amount"]
        if not note.get("full"):
            return []
        group, month = self.closing(number)
        used = {}
        for entry in self.past:
            if entry["on"] == number and entry.get("kind") == "CreditConsumption":
                used[entry["name"]] = used.get(entry["name"], 0) - entry["total"]
        back = [
            restored(self.credit(name), f"{note['number']}-{name}", amount, month, note["at"])
            for name, amount in sorted(used.items())
        ]
        self.credits[group["uid"]] += back
        if not note.get("reissue"):
            self.reversed.add(number)
            return []
        return [self.issue_again(number, group["uid"], month, back, self.known(index), note["buyer"])]

    def closing(self, number):
        """The group and the month of a final."""
        for (uid, month), group in self.closed_with.items():
            first = f"{group['name']}-{self.given['months'].index(month) + 1}"
            if self.in_force.get(first, first) == number:
                return group, month

    def issue_again(self, number, uid, month, offers, now, buyer):
        """The supplies of then, for the buyer of now."""
        first, _, times = number.partition("-r")
        again = f"{first}-r{int(times or 0) + 1}"
        group = self.closed_with[uid, month] = {**self.closed_with[uid, month], "buyer": buyer}
        self.taxed_again.add((uid, month))
        self.in_force[first] = again
        own = GroupMonth(Organization(now), group, month).closed(month)
        reasons, services, amounts, lines = {}, {}, {}, []
        stays = [entry for entry in self.past if entry["on"] == number and not follows(entry, uid, month)]
        for entry in stays:
            of, kind = (entry["group"], entry["month"]), entry.get("of_kind")
            rules = taxing(own.closed(entry["month"])) if of in self.taxed_again and entry["group"] == uid else None
            if rules is None:
                why = self.reasons[number].get(entry["tax"], set())
            else:
                rule = rule_of(rules, kind)
                entry["tax"] = group_of(rule)
                why = {rule["reason"]} if rule else set()
            if entry["tax"] is not None:
                reasons.setdefault(entry["tax"], set()).update(why - {None})
            amounts[entry["tax"]] = amounts.get(entry["tax"], 0) + entry["total"]
            if of == (uid, month) and not is_part(entry):
                key = (entry["project"], entry["tax"])
                services[key] = services.get(key, 0) + entry["total"]
            what = entry.get("record") or entry.get("entry") or entry["name"]
            lines.append([what, shown(entry["tax"]), entry["total"]])
        open_amounts = {}
        for entry in stays:
            if (entry["group"], entry["month"]) == (uid, month):
                open_amounts[entry["tax"]] = open_amounts.get(entry["tax"], 0) + entry["total"]
        uses, paid = pay(open_amounts, services, usable(own, offers), sum(open_amounts.values()))
        follow = paid + rounding(own, open_amounts)
        for credit in offers:
            credit["left"] -= uses.get(credit["name"], 0)
        for made in follow:
            amounts[made["tax"]] = amounts.get(made["tax"], 0) + made["total"]
        taxed = tax(own, amounts, reasons)
        self.past = [entry for entry in self.past if entry["on"] != number or not follows(entry, uid, month)]
        for entry in self.past:
            if entry["on"] == number:
                entry["on"], entry["taken"] = again, 0
            if entry.get("invoice") == number:
                entry["invoice"] = again
        own_parts = [{"kind": made["kind"], "name": made["key"], "tax": made["tax"], "total": made["total"]} for made in follow]
        self.past += [{**part, "group": uid, "month": month, "on": again, "taken": 0} for part in own_parts]
        self.reasons[again] = printed(taxed)
        return {
            "number": again,
            "lines": sorted(lines, key=lambda line: json.dumps(line, separators=(",", ":"))),
            "items": [[made["kind"], made["key"], shown(made["tax"]), made["total"]] for made in follow],
            "due": taxed["total"],
            **taxed,
        }


def follows(entry, uid, month):
    """Whether it follows from what is supplied, and from who the buyer is."""
    own = (entry["group"], entry["month"]) == (uid, month)
    return own and entry.get("kind") in ("CreditConsumption", "Rounding")


def printed(document):
    """The reasons that a document gives, by tax group."""
    return {(tax[0], Fraction(tax[1])): set((tax[4] or "").split("; ")) - {""} for tax in document["taxes"]}


def restored(credit, name, amount, month, issued):
    """What goes back of a credit: valid as long after it goes back as the credit was after its month, and for the month of that."""
    expires = credit["expires"]
    if expires is not None:
        expires = max(issued + expires - month_bounds(month)[1], month_bounds(month_of(issued))[1])
    return {**credit, "name": name, "left": amount, "starts": None, "expires": expires}


def name_of(entry):
    if "record" in entry:
        portion = entry.get("portion")
        return ["line", entry["record"], entry["start"], portion and portion[0]]
    if "entry" in entry:
        return ["entry", entry["month"], named(entry["by"]), entry["project"], shown(entry["tax"])]
    return ["part", entry["month"], entry["kind"], entry["name"], shown(entry["tax"])]


def said_of_parts(current, bill, settlement, invoice):
    """What a final says beside records: its own parts, and those of closed months."""
    group = current.group["uid"]
    own = [
        {"month": current.month, "kind": kind, "name": key, "tax": tax and (tax[0], Fraction(tax[1])), "total": total}
        for kind, key, tax, total in bill["items"]
        if kind != "Multiplier"
    ]
    return [{"group": group, **part, "on": invoice, "taken": 0} for part in own + settlement.parts]


def known(given, closed):
    """The records that came in while so many months were closed, and of these the ends that did."""
    when = given["history"]
    def read(usage):
        """A counter is read on and on, and nobody says so of others."""
        if usage["readings"] is None:
            return usage
        return {**usage, "readings": [[at, quantity] for at, quantity, told in usage["readings"] if told <= closed]}

    arrived = [read(usage) for usage in given["usage"] if when[usage["name"]][0] <= closed]
    return [usage if when[usage["name"]][1] <= closed else {**usage, "end": None} for usage in arrived]


def said(current, adjustments, invoice):
    """What a final says of records: its lines, those of closed months, and the corrections of other finals."""
    group, usage = current.group["uid"], current.organization.usage
    own = [{**line, "month": current.month, "invoice": ""} for line in current.services()[0]]
    corrects = {"group": group, "at": None, "start": 0, "end": 0, "settled": None}
    lines = [{**corrects, **line} for line in own + [line for line in adjustments if "record" in line]]
    refilled = [line for line in adjustments if "entry" in line]
    for line in lines:
        line["invoice"] = line["invoice"] or invoice
        line["pre"] = line["total"] if line["pre"] is None else line["pre"]
        line["of_kind"] = usage[line["record"]]["service"]["kind"]
    about = {"on": invoice, "taken": 0}
    return [{**line, **about} for line in lines] + [{**line, **about, "of_kind": line["by"]["kind"]} for line in refilled]


def taken(past):
    """The intervals and the single units that finals bill."""
    periods, events = {}, []
    for billed in past:
        if "record" not in billed:
            continue
        if billed["at"] is not None and billed["start"] < billed["end"]:
            periods.setdefault(billed["record"], []).append([billed["start"], billed["end"]])
        elif billed["at"] is not None:
            events.append(billed["record"])
    return {"periods": periods, "events": events}


def late(owner, past, reversed_finals, closed_by=lambda month: None):
    """What the owner's finals of closed months would say more, or less, if they knew what is known now; and what cannot be billed."""
    found, changes, problems = [], {}, set()
    for month in owner.months_settled():
        adjusting = corrections(owner, month, past)
        closed_month = owner.closed(month)
        closed_month.said_scaled = standing(owner, month, past)
        lines, unbilled = closed_month.services()
        problems.update(unbilled)
        for line in lines:
            late_line = {**line, "month": month, "invoice": "", "begin": line["start"], "change": line["total"]}
            adjusting.append(late_line)
        is_reversed = owner.number_of(month) in reversed_finals
        adjusting += [] if is_reversed else refills(owner, closed_month, past)
        for line in adjusting:
            line["group"], line["closed_by"] = owner.group["uid"], closed_by(month)
            if is_reversed and line["invoice"]:
                continue  # all that it corrects was taken back
            of_month = changes.setdefault(month, {})
            key = (line["project"], line["tax"])
            of_month[key] = of_month.get(key, 0) + line["change"]
        found += [line for line in adjusting if line["total"] or not line["invoice"] or "entry" in line or line["leaves"]]
    return found, changes, problems


def corrections(current, month, past):
    """One for each record and what is taxed alike; none where the amount is as it should be, and was before."""
    accounts = {}
    for billed in past:
        if "record" in billed and (billed["group"], billed["month"]) == (current.group["uid"], month):
            pre, total = worth(current, billed)
            place = (billed["record"], billed["project"], billed["tax"])
            # By the final that billed it first; what came late for a group that was gone is of its final of the month.
            first = current.number_of(month) if billed.get("closed_by") else billed["invoice"]
            nothing = {"invoice": first, "pre": 0, "due": 0, "billed": 0, "taken": 0, "settled": 0, "left": False, "corrected": False}
            account = accounts.setdefault(place, nothing)
            counts = current.organization.counts(current.organization.usage[billed["record"]])
            account["left"] |= bool(billed.get("portion")) and not counts
            account["corrected"] |= billed["at"] is None
            account["pre"] += pre - billed["pre"]
            account["due"] += total
            account["billed"] += billed["total"]
            account["taken"] += billed["taken"]
            if billed["settled"] is not None:
                account["settled"] = billed["settled"]
    rules = taxing(current.recorded(month))
    found = []
    for (record, project, tax), account in accounts.items():
        invoice, billed, due = account["invoice"], account["billed"], account["due"]
        total = to_bill(billed, due, account["taken"])
        change = due - (billed - account["settled"])
        # A record that takes no place in its tiers any more is told once, also when it cost nothing.
        leaves = account["left"] and not account["corrected"]
        if total or change or leaves:
            line = {"month": month, "record": record, "project": project, "invoice": invoice, "begin": 0, "leaves": leaves}
            pre = None if account["taken"] else account["pre"]
            amounts = {"pre": pre, "total": total, "change": change, "settled": billed + total - due}
            # Its reasons are all that the rules of then have for its tax group.
            reasons = [rule for rule in rules if group_of(rule) == tax]
            found.append({**line, **amounts, "tax": tax, "reasons": reasons})
    return found


def standing(current, month, past):
    """What finals of the group bill of the month on a scale, and still stands: entry, record, begin and quantity of now."""
    found = {}
    for billed in of_scales(current, month, past):
        record = current.organization.usage[billed["record"]]
        if current.organization.counts(record):
            begin, metered = billed["start"], record["readings"] is not None
            quantity = counted_in(record, begin, billed["end"]) if metered else Fraction(record["quantity"])
            found[record["name"], begin] = (billed["at"][0], record, begin, quantity)
    return list(found.values())


def of_scales(current, month, past):
    group = current.group["uid"]
    lines = [said for said in past if "record" in said and said.get("portion")]
    return [said for said in lines if (said["group"], said["month"]) == (group, month)]


def refills(current, closed, past):
    """By how much what the month's documents say on scales differs from what they should, by entry and project."""
    month, group = closed.month, current.group["uid"]
    accounts = {}

    def account(entry, project, tax):
        nothing = {"pre": 0, "due": 0, "billed": 0, "taken": 0, "settled": 0, "by": entry}
        return accounts.setdefault((entry["list"], entry["name"], project, tax), nothing)

    stands = {(record["name"], begin) for _, record, begin, _ in closed.said_scaled}
    entries = {}
    for billed in of_scales(current, month, past):
        key = (billed["record"], billed["start"])
        if key in stands:
            entry, rate, left = billed["at"]
            entries[key] = (entry, billed["project"], billed["tax"], rate, left)
            said_of(account(entry, billed["project"], billed["tax"]), billed)
    for said in past:
        if "entry" in said and (said["group"], said["month"]) == (group, month):
            found = account(said["by"], said["project"], said["tax"])
            said_of(found, said)
            found["settled"] = said["settled"]
    for one in stands:
        *key, rate, left = entries[one]
        for *_, before, until in closed.portions[one]:
            pre, total = (
                rounded(until * times, current.digits) - rounded(before * times, current.digits)
                for times in (rate, rate * left)
            )
            found = account(*key)
            found["pre"] += pre
            found["due"] += total
    rules = taxing(closed)
    found = []
    for (_, entry, project, tax), sums in sorted(accounts.items(), key=lambda pair: pair[0][:3]):
        billed, due = sums["billed"], sums["due"]
        total = to_bill(billed, due, sums["taken"])
        change = due - (billed - sums["settled"])
        if total or change:
            scale = sums["by"]
            line = {"month": month, "invoice": current.number_of(month), "entry": entry, "project": project, "tax": tax}
            line["by"] = scale
            pre = None if sums["taken"] else sums["pre"]
            amounts = {"pre": pre, "total": total, "change": change, "settled": billed + total - due}
            reasons = [rule for rule in rules if group_of(rule) == tax]
            found.append({**line, **amounts, "after": closed.sums.get(place(scale, project), 0), "reasons": reasons})
    return found


def said_of(account, said):
    """Adds what a final says."""
    account["pre"] -= said["total"] if said["pre"] is None else said["pre"]
    account["billed"] += said["total"]
    account["taken"] += said["taken"]


def worth(current, billed):
    """What a line of a final should come to: at its own price, discounts, rate and digits."""
    record = current.organization.usage[billed["record"]]
    if billed["at"] is None or not current.organization.counts(record):
        return 0, 0
    entry, rate, left = billed["at"]
    if billed.get("portion"):
        return billed["pre"], billed["total"]
    begin, end, start = billed["start"], billed["end"], record["start"]
    quantity = Fraction(record["quantity"])
    if record["readings"] is not None:
        quantity = counted_in(record, begin, end)
    elif begin < end:
        end = end if record["end"] is None else min(end, record["end"])
        if end <= begin:
            return 0, 0
    before, until = costs(entry, rule_of_hours(current.given, billed["month"]), start, begin, end)
    paid = quantity * rate
    def amount(times):
        return rounded(until * times, current.digits) - rounded(before * times, current.digits)
    return amount(paid), amount(paid * left)

