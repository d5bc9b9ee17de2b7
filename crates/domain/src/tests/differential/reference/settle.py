"""Closed months, settled as a whole: what follows from services that changed."""

from basics import to_bill
from credits import usable
from group_month import GroupMonth
from own import Own, in_order
from terms import counted, last_of_term, months_before

KINDS = ["ExtraCharge", "SupportCharge", "CommitmentFee", "OtherEvent", "CreditConsumption", "Rounding"]


class Settlement:
    """Parts of closed months that documents say wrongly, what is used of credits for them, and what goes back to credits."""

    def __init__(self, current, changes, past, credits, reversed_finals):
        self.parts, self.used, self.returned = [], {}, []
        self.credits = [dict(credit) for credit in credits]
        self.current, self.past, self.changes, self.reversed = current, past, changes, reversed_finals
        for month in sorted(set(changes) | set(self.ends_of_terms())):
            if not self.is_reversed(month):  # of what was taken back in full, only records are looked at
                self.settle(self.closed(month), changes.get(month, {}), past)

    def is_reversed(self, month):
        return self.current.number_of(month) in self.reversed

    def closed(self, month):
        return GroupMonth(self.current.organization, self.current.group, month)

    def ends_of_terms(self):
        """The closed months with which a term was settled of which a month changes, or was taken back in full."""
        changed = set(self.changes) | {month for month in self.current.months_closed() if self.is_reversed(month)}
        for closed in map(self.closed, self.current.months_settled()):
            if last_of_term(closed) == closed.month and set(months_before(closed)) & changed:
                yield closed.month

    def worth(self, month):
        """What counts of a closed month towards a commitment, as it is settled now."""
        services, settled = sum(self.changes.get(month, {}).values()), {}
        for said in self.past:
            if is_part(said) or (said["group"], said["month"]) != (self.current.group["uid"], month):
                continue
            if not self.is_reversed(month):
                services += said["total"]
                if said["settled"] is not None:
                    settled[subject(said), said["project"], said["tax"]] = said["settled"]
            elif said["on"] != self.current.number_of(month) and ("entry" in said or said["on"] == said["invoice"]):
                services += said["total"]  # found since
        if self.is_reversed(month):
            return services
        return counted(self.closed(month), services - sum(settled.values()))

    def settle(self, closed, change, past):
        mine = [said for said in past if (said["group"], said["month"]) == (closed.group["uid"], closed.month)]
        services, said, taken, settled = dict(change), {}, {}, {}
        for entry in mine:
            if not is_part(entry):
                key = (entry["project"], entry["tax"])
                services[key] = services.get(key, 0) + entry["total"]
                if entry["settled"] is not None:
                    settled[subject(entry), key] = entry["settled"]
            else:
                key = (entry["kind"], entry["name"], entry["tax"])
                said[key] = said.get(key, 0) + entry["total"]
                taken[key] = taken.get(key, 0) + entry["taken"]
        # What corrections left to credit notes is still billed, and no longer due.
        for (_, key), amount in settled.items():
            services[key] -= amount
        paid = {}
        for (kind, name, _), total in said.items():
            if kind == "CreditConsumption":
                paid[name] = paid.get(name, 0) - total
        offers = [{**credit, "left": credit["left"] + paid.get(credit["name"], 0)} for credit in usable(closed, self.credits)]
        said_before = sum(services.values()) - sum(change.values()) + sum(
            total for (kind, *_), total in said.items() if kind not in ("CreditConsumption", "Rounding")
        )
        before = closed.spent_before(self)
        more = Own(closed, services, [], before=before).before_credits - said_before
        now = Own(closed, services, offers, sum(paid.values()) + max(0, more), before)
        due = now.parts()
        for kind, name, tax in sorted(set(said) | set(due), key=place):
            key = (kind, name, tax)
            total = to_bill(said.get(key, 0), due.get(key, 0), taken.get(key, 0))
            if total:
                self.parts.append({"month": closed.month, "kind": kind, "name": name, "tax": tax, "total": total})
        for name in sorted(set(paid) | set(now.uses)):
            self.account(closed, name, now.uses.get(name, 0) - paid.get(name, 0))

    def account(self, closed, name, more):
        credit = next(credit for credit in self.credits if credit["name"] == name)
        if more > 0:
            credit["left"] -= more
            self.used[name] = self.used.get(name, 0) + more
        elif more < 0 and (credit["expires"] is None or closed.end < credit["expires"]):
            self.returned.append([name, closed.month, -more])


def place(key):
    kind, name, tax = key
    taxes = [group for group, _ in in_order({tax: 0})]
    return KINDS.index(kind), name, [] if tax is None else [["S", "Z", "E", "AE", "O"].index(taxes[0][0]), taxes[0][1]]


def is_part(said):
    """Whether something that a final says is of no record, and of no price whose scale is filled again."""
    return "record" not in said and "entry" not in said


def subject(said):
    return ("record", said["record"]) if "record" in said else ("entry", said["by"]["list"], said["entry"])
