"""Months that become final one after the other, and what they adjust of those before."""

from fractions import Fraction

from basics import hours, month_bounds, rounded
from group_month import GroupMonth
from organization import Organization


def history(given):
    """The bills of one month after the other, each knowing what has come in by then, and what those before billed."""
    past, brought, answers = [], {}, []
    for index, month in enumerate(given["months"]):
        usage = known(given, index)
        for group in sorted(given["groups"], key=lambda group: group["name"]):
            now = {**given, "usage": usage, "as_of": month_bounds(month)[1], "billed": taken(past)}
            if group["name"] != "a":
                now["credits"] = []
            current = GroupMonth(Organization(now), group, month)
            adjustments = late(current, past)
            bill = current.bill(brought.pop(group["name"], 0), adjustments)
            answers.append(bill)
            past += said(current, adjustments, f"{group['name']}-{index + 1}")
            brought[group["name"]] = bill["carried"] or 0
            for kind, key, total in bill["items"]:
                for credit in given["credits"]:
                    if (kind, key) == ("CreditConsumption", credit["name"]):
                        credit["left"] += total
    return answers


def known(given, closed):
    """The records that came in while so many months were closed, and of these the ends that did."""
    when = given["history"]
    arrived = [usage for usage in given["usage"] if when[usage["name"]][0] <= closed]
    return [usage if when[usage["name"]][1] <= closed else {**usage, "end": None} for usage in arrived]


def said(current, adjustments, invoice):
    """What a final says of records: its lines, those of closed months, and the corrections of other finals."""
    group = current.group["uid"]
    own = [{**line, "month": current.month, "invoice": ""} for line in current.services()[0]]
    corrects = {"at": None, "start": 0, "end": 0}
    lines = [{**corrects, **line} for line in own + adjustments]
    return [{**line, "group": group, "invoice": line["invoice"] or invoice} for line in lines]


def taken(past):
    """The intervals and the single units that finals bill."""
    periods, events = {}, []
    for billed in past:
        if billed["at"] is not None and billed["start"] < billed["end"]:
            periods.setdefault(billed["record"], []).append([billed["start"], billed["end"]])
        elif billed["at"] is not None:
            events.append(billed["record"])
    return {"periods": periods, "events": events}


def late(current, past):
    """What the group's finals of closed months would say more, or less, if they knew what is known now."""
    found = []
    closed = [month for month in current.given["months"] if current.group["first_period"] <= month < current.month]
    for month in closed:
        found += corrections(current, month, past)
        for line in GroupMonth(current.organization, current.group, month).services()[0]:
            found.append({**line, "month": month, "invoice": "", "begin": line["start"]})
    return found


def corrections(current, month, past):
    """One for each record and final of the group; none where the amount is as it should be."""
    sums = {}
    for billed in past:
        if (billed["group"], billed["month"]) == (current.group["uid"], month):
            pre, total = worth(current, billed)
            owed = sums.setdefault((billed["record"], billed["invoice"]), [0, 0])
            owed[0] += pre - billed["pre"]
            owed[1] += total - billed["total"]
    return [
        {"month": month, "record": record, "invoice": invoice, "begin": 0, "pre": pre, "total": total}
        for (record, invoice), (pre, total) in sums.items()
        if total
    ]


def worth(current, billed):
    """What a line of a final should come to: at its own price, discounts, rate and digits."""
    record = current.organization.usage[billed["record"]]
    if billed["at"] is None or not current.organization.counts(record):
        return 0, 0
    price, left = billed["at"]
    begin, end, start = billed["start"], billed["end"], record["start"]
    count = 1
    if begin < end:
        until = end if record["end"] is None else min(end, record["end"])
        count = hours(current.given["hours"], start, begin, until) if begin < until else 0
    exact = count * Fraction(record["quantity"]) * price
    return rounded(exact, current.digits), rounded(exact * left, current.digits)

