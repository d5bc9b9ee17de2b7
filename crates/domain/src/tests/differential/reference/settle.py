"""Closed months, settled as a whole: what follows from services that changed."""

from basics import to_bill
from credits import usable
from own import Own, in_order
from tax import taxing
from terms import counted, last_of_term, months_before

KINDS = ["ExtraCharge", "SupportCharge", "CommitmentFee", "OtherEvent", "CreditConsumption", "Rounding"]


class Settlement:
    """Parts of closed months that documents say wrongly, what is used of credits for them, and what goes back to credits.

    The owner is the group whose months they are, as of the month of the document that settles them."""

    def __init__(self, owner, changes, past, credits, reversed_finals, closed_by=None):
        self.parts, self.used, self.returned = [], {}, []
        self.credits = [dict(credit) for credit in credits]
        self.owner, self.past, self.changes, self.reversed = owner, past, changes, reversed_finals
        self.closed_by = closed_by or (lambda month: None)
        for month in sorted(set(changes) | set(self.ends_of_terms()) | set(self.taxed_otherwise())):
            if not self.is_reversed(month):  # of what was taken back in full, only records are looked at
                self.settle(owner.closed(month), changes.get(month, {}), past)

    def is_reversed(self, month):
        return self.owner.number_of(month) in self.reversed

    def taxed_otherwise(self):
        """The closed months that were issued again, and of which other documents say parts: these were taxed as the month was then."""
        uid, again = self.owner.group["uid"], self.owner.given["taxed_again"]
        elsewhere = {
            said["month"]
            for said in self.past
            if is_part(said) and said["group"] == uid and said["on"] != self.owner.number_of(said["month"])
        }
        return [month for month in self.owner.months_settled() if (uid, month) in again and month in elsewhere]

    def ends_of_terms(self):
        """The closed months with which a term was settled of which a month changes, or was taken back in full."""
        changed = set(self.changes) | {month for month in self.owner.months_closed() if self.is_reversed(month)}
        for closed in map(self.owner.closed, self.owner.months_settled()):
            if last_of_term(closed) == closed.month and set(months_before(closed)) & changed:
                yield closed.month

    def worth(self, month):
        """What counts of a closed month towards a commitment, as it is settled now."""
        services, settled = sum(self.changes.get(month, {}).values()), {}
        for said in self.past:
            if is_part(said) or (said["group"], said["month"]) != (self.owner.group["uid"], month):
                continue
            if not self.is_reversed(month):
                services += said["total"]
                if said["settled"] is not None:
                    settled[subject(said), said["project"], said["tax"]] = said["settled"]
            elif said["on"] != self.owner.number_of(month) and ("entry" in said or said["on"] == said["invoice"]):
                services += said["total"]  # found since
        if self.is_reversed(month):
            return services
        return counted(self.owner.closed(month), services - sum(settled.values()))

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
                part = {"month": closed.month, "kind": kind, "name": name, "tax": tax, "total": total}
                about = {"group": closed.group["uid"], "closed_by": self.closed_by(closed.month), "taxing": taxing(closed)}
                self.parts.append({**part, **about})
        for name in sorted(set(paid) | set(now.uses)):
            self.account(closed, name, now.uses.get(name, 0) - paid.get(name, 0))

    def account(self, closed, name, more):
        credit = next(credit for credit in self.credits if credit["name"] == name)
        if more > 0:
            credit["left"] -= more
            self.used[name] = self.used.get(name, 0) + more
        elif more < 0 and (credit["expires"] is None or closed.end < credit["expires"]):
            self.returned.append([name, closed.month, self.closed_by(closed.month), -more])


def place(key):
    kind, name, tax = key
    taxes = [group for group, _ in in_order({tax: 0})]
    return KINDS.index(kind), name, [] if tax is None else [["S", "Z", "E", "AE", "O"].index(taxes[0][0]), taxes[0][1]]


def is_part(said):
    """Whether something that a final says is of no record, and of no price whose scale is filled again."""
    return "record" not in said and "entry" not in said


def subject(said):
    return ("record", said["record"]) if "record" in said else ("entry", said["by"]["list"], said["entry"])
