"""Slips of the pen: words that no entry has, and that differ from one that an entry has only by letter case or Unicode form."""

import unicodedata


def folded(word):
    """As people read it: compatible forms are one, and so are the cases of a letter."""
    compatible = unicodedata.normalize("NFKC", word)
    return unicodedata.normalize("NFKC", compatible.casefold())


def like(word, known):
    return min((other for other in known if folded(other) == folded(word)), default=None)


def corrected(prices, service):
    """The service as each of the lists spells it; None where no word of it is a slip in any list that is asked."""
    lists = prices["lists"]
    kinds = [{entry["kind"] for entry in each["entries"]} | set(each["unusable"]) for each in lists]
    is_slip = not any(service["kind"] in known for known in kinds)
    meant = [like(service["kind"], known) if is_slip else service["kind"] for known in kinds]

    def words(place, field):
        return {entry[field] for entry in lists[place]["entries"] if entry["kind"] == meant[place] and entry[field]}

    places = range(len(lists))
    unknown = [
        field
        for field in ("plan", "cloud")
        if service[field] is not None and not any(service[field] in words(place, field) for place in places)
    ]
    spelled = []
    for place in places:
        as_listed = dict(service)
        if meant[place] is not None:
            as_listed["kind"] = meant[place]
            for field in unknown:
                as_listed[field] = like(service[field], words(place, field)) or service[field]
        spelled.append(as_listed)
    for each, as_listed in zip(lists, spelled):
        if service["kind"] in each["unusable"]:
            break  # nobody knows what this list and those after it have for it
        if as_listed != service:
            return spelled
    return None
