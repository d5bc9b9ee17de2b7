"""Months that become final one after the other, and what they adjust of those before."""

from fractions import Fraction

from basics import costs, month_bounds, rounded, shown, to_bill
from group_month import GroupMonth, rule_of_hours
from organization import Organization
from scales import named, place
from settle import Settlement
from tax import group_of, rules_of


def history(given):
    """The bills of one month after the other, each knowing what has come in by then, and what those before billed."""
    past, brought, answers, reversed_finals = [], {}, [], set()
    for index, month in enumerate(given["months"]):
        usage = known(given, index)
        for group in sorted(given["groups"], key=lambda group: group["name"]):
            now = {**given, "usage": usage, "as_of": month_bounds(month)[1], "billed": taken(past)}
            if group["name"] != "a":
                now["credits"] = []
            current = GroupMonth(Organization(now), group, month)
            adjustments, changes, problems = late(current, past, reversed_finals)
            settlement = Settlement(current, changes, past, now["credits"], reversed_finals)
            bill = current.bill(brought.pop(group["name"], 0), adjustments, settlement, problems)
            answers.append(bill)
            past += said(current, adjustments, f"{group['name']}-{index + 1}")
            past += said_of_parts(current, bill, settlement, f"{group['name']}-{index + 1}")
            brought[group["name"]] = bill["carried"] or 0
            for credit in given["credits"]:
                credit["left"] -= settlement.used.get(credit["name"], 0)
                for kind, key, _, total in bill["items"]:
                    if (kind, key) == ("CreditConsumption", credit["name"]):
                        credit["left"] += total
        for note in given["notes"]:
            if note["after"] == index:
                take_back(note, past)
                reversed_finals |= {note["over"]} if note.get("full") else set()
    return answers


def take_back(note, past):
    """What a credit note takes of what a final says: of one line, or of each what is left of it."""
    for entry in past:
        if entry["on"] != note["over"]:
            continue
        if note.get("full"):
            entry["taken"] += max(0, entry["total"] - entry["taken"])
        elif name_of(entry) == note["line"]:
            entry["taken"] += note["amount"]


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
    return [{**part, "group": group, "on": invoice, "taken": 0} for part in own + settlement.parts]


def known(given, closed):
    """The records that came in while so many months were closed, and of these the ends that did."""
    when = given["history"]
    arrived = [usage for usage in given["usage"] if when[usage["name"]][0] <= closed]
    return [usage if when[usage["name"]][1] <= closed else {**usage, "end": None} for usage in arrived]


def said(current, adjustments, invoice):
    """What a final says of records: its lines, those of closed months, and the corrections of other finals."""
    group = current.group["uid"]
    own = [{**line, "month": current.month, "invoice": ""} for line in current.services()[0]]
    corrects = {"at": None, "start": 0, "end": 0, "settled": None}
    lines = [{**corrects, **line} for line in own + [line for line in adjustments if "record" in line]]
    about = {"group": group, "on": invoice, "taken": 0}
    refilled = [{**line, **about} for line in adjustments if "entry" in line]
    return [
        {**line, **about, "invoice": line["invoice"] or invoice, "pre": line["total"] if line["pre"] is None else line["pre"]}
        for line in lines
    ] + refilled


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


def late(current, past, reversed_finals):
    """What the group's finals of closed months would say more, or less, if they knew what is known now; and what cannot be billed."""
    found, changes, problems = [], {}, set()
    for month in current.months_settled():
        adjusting = corrections(current, month, past)
        closed_month = GroupMonth(current.organization, current.group, month)
        closed_month.said_scaled = standing(current, month, past)
        lines, unbilled = closed_month.services()
        problems.update(unbilled)
        for line in lines:
            late_line = {**line, "month": month, "invoice": "", "begin": line["start"], "change": line["total"]}
            adjusting.append(late_line)
        is_reversed = current.number_of(month) in reversed_finals
        adjusting += [] if is_reversed else refills(current, closed_month, past)
        for line in adjusting:
            if is_reversed and line["invoice"]:
                continue  # all that it corrects was taken back
            of_month = changes.setdefault(month, {})
            key = (line["project"], line["tax"])
            of_month[key] = of_month.get(key, 0) + line["change"]
        found += [line for line in adjusting if line["total"] or not line["invoice"] or "entry" in line or line["leaves"]]
    return found, changes, problems


def corrections(current, month, past):
    """One for each record and final of the group; none where the amount is as it should be, and was before."""
    accounts = {}
    for billed in past:
        if "record" in billed and (billed["group"], billed["month"]) == (current.group["uid"], month):
            pre, total = worth(current, billed)
            place = (billed["record"], billed["project"], billed["invoice"], billed["tax"])
            nothing = {"pre": 0, "due": 0, "billed": 0, "taken": 0, "settled": 0, "left": False, "corrected": False}
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
    closed = rules_of(GroupMonth(current.organization, current.group, month))
    taxing = [] if isinstance(closed, str) else closed
    found = []
    for (record, project, invoice, tax), account in accounts.items():
        billed, due = account["billed"], account["due"]
        total = to_bill(billed, due, account["taken"])
        change = due - (billed - account["settled"])
        # A record that takes no place in its tiers any more is told once, also when it cost nothing.
        leaves = account["left"] and not account["corrected"]
        if total or change or leaves:
            line = {"month": month, "record": record, "project": project, "invoice": invoice, "begin": 0, "leaves": leaves}
            pre = None if account["taken"] else account["pre"]
            amounts = {"pre": pre, "total": total, "change": change, "settled": billed + total - due}
            # Its reasons are all that the rules of then have for its tax group.
            reasons = [rule for rule in taxing if group_of(rule) == tax]
            found.append({**line, **amounts, "tax": tax, "reasons": reasons})
    return found


def standing(current, month, past):
    """What finals of the group bill of the month on a scale, and still stands: pairs of entry and record."""
    found = {}
    for billed in of_scales(current, month, past):
        record = current.organization.usage[billed["record"]]
        if current.organization.counts(record):
            found[record["name"]] = (billed["at"][0], record)
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

    stands = {record["name"]: record for _, record in closed.said_scaled}
    entries = {}
    for billed in of_scales(current, month, past):
        if billed["record"] in stands:
            entry, rate, left = billed["at"]
            entries[billed["record"]] = (entry, billed["project"], billed["tax"], rate, left)
            said_of(account(entry, billed["project"], billed["tax"]), billed)
    for said in past:
        if "entry" in said and (said["group"], said["month"]) == (group, month):
            found = account(said["by"], said["project"], said["tax"])
            said_of(found, said)
            found["settled"] = said["settled"]
    for record in stands:
        *key, rate, left = entries[record]
        for *_, before, until in closed.portions[record]:
            pre, total = (
                rounded(until * times, current.digits) - rounded(before * times, current.digits)
                for times in (rate, rate * left)
            )
            found = account(*key)
            found["pre"] += pre
            found["due"] += total
    rules = rules_of(GroupMonth(current.organization, current.group, month))
    taxing = [] if isinstance(rules, str) else rules
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
            reasons = [rule for rule in taxing if group_of(rule) == tax]
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
    if begin < end:
        end = end if record["end"] is None else min(end, record["end"])
        if end <= begin:
            return 0, 0
    before, until = costs(entry, rule_of_hours(current.given, billed["month"]), start, begin, end)
    paid = Fraction(record["quantity"]) * rate
    def amount(times):
        return rounded(until * times, current.digits) - rounded(before * times, current.digits)
    return amount(paid), amount(paid * left)

