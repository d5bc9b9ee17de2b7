"""Closed months, settled as a whole: what follows from services that changed."""

from credits import usable
from group_month import GroupMonth
from own import Own, in_order

KINDS = ["ExtraCharge", "SupportCharge", "CommitmentFee", "OtherEvent", "CreditConsumption", "Rounding"]


class Settlement:
    """Parts of closed months that documents say wrongly, what is used of credits for them, and what goes back to credits."""

    def __init__(self, current, changes, past, credits):
        self.parts, self.used, self.returned = [], {}, []
        self.credits = [dict(credit) for credit in credits]
        for month in sorted(changes):
            self.settle(GroupMonth(current.organization, current.group, month), changes[month], past)

    def settle(self, closed, change, past):
        mine = [said for said in past if (said["group"], said["month"]) == (closed.group["uid"], closed.month)]
        services, said = dict(change), {}
        for entry in mine:
            if "record" in entry:
                key = (entry["project"], entry["tax"])
                services[key] = services.get(key, 0) + entry["total"]
            else:
                key = (entry["kind"], entry["name"], entry["tax"])
                said[key] = said.get(key, 0) + entry["total"]
        paid = {}
        for (kind, name, _), total in said.items():
            if kind == "CreditConsumption":
                paid[name] = paid.get(name, 0) - total
        offers = [{**credit, "left": credit["left"] + paid.get(credit["name"], 0)} for credit in usable(closed, self.credits)]
        said_before = sum(services.values()) - sum(change.values()) + sum(
            total for (kind, *_), total in said.items() if kind not in ("CreditConsumption", "Rounding")
        )
        more = Own(closed, services, []).before_credits - said_before
        now = Own(closed, services, offers, sum(paid.values()) + max(0, more))
        due = now.parts()
        for kind, name, tax in sorted(set(said) | set(due), key=place):
            difference = due.get((kind, name, tax), 0) - said.get((kind, name, tax), 0)
            if difference:
                self.parts.append({"month": closed.month, "kind": kind, "name": name, "tax": tax, "total": difference})
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
