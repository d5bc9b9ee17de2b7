"""Who pays, what counts and what it costs."""

from basics import month_bounds, month_of


class Organization:
    def __init__(self, given):
        self.given = given
        self.groups = {group["uid"]: group for group in given["groups"]}
        self.usage = {usage["name"]: usage for usage in given["usage"]}
        self.ledgers = {project["name"]: project["segments"] for project in given["projects"]}

    # Who pays.

    def lives(self, uid, month):
        group = self.groups.get(uid)
        if group is None:
            # A month that it closed stays its own.
            return (uid, month) in self.given.get("closed_with", {})
        return group["deleted"] is None or month <= month_of(group["deleted"])

    def successor(self, gone):
        """Who settles the months of a group that is gone: the oldest primary group of its currency and issuer that stays."""
        staying = [
            group
            for group in self.groups.values()
            if group["primary"]
            and group["deleted"] is None
            and all(group[what] == gone[what] for what in ("currency", "issuer"))
        ]
        return min(staying, key=lambda group: (group["created"], group["name"]), default=None)

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


def price(prices, service, instant, running_only):
    """Of the first list that has one, the most specific entry that is valid: type, plan, cloud; type, plan; type, cloud; type."""
    return first_price(prices, [service] * len(prices["lists"]), instant, running_only)


def first_price(prices, services, instant, running_only):
    """The same of a service that each list may spell in its way."""
    for price_list, service in zip(prices["lists"], services):
        if service["kind"] in price_list["unusable"]:
            return None
        best = None
        for entry in price_list["entries"]:
            fits = (
                entry["kind"] == service["kind"]
                and entry["plan"] in (None, service["plan"])
                and entry["cloud"] in (None, service["cloud"])
                and entry["from"] <= instant
                and (entry["until"] is None or instant < entry["until"])
            )
            if fits and not (running_only and entry["unit"] == "Unit"):
                rank = (entry["plan"] is not None, entry["cloud"] is not None)
                if best is None or rank > best[0]:
                    best = (rank, entry)
        if best:
            return best[1]
    return None
