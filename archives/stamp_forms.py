"""The forms in which instruments write dates and times, as formats of `datetime.strptime`."""

import re
from collections.abc import Sequence

DAY_FIRST, MONTH_FIRST = "dmy", "mdy"

_YEAR_FIRST = re.compile(r"\d{4}([-/.]?)\d{1,2}\1\d{1,2}(?=\D|$)")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?=\D|$)")
_TIME = re.compile(
    r"(?P<gap>[ T,;_-]*)\d{1,2}(?P<colon>[:h.])\d{2}(?P<seconds>:\d{2}(?P<fraction>[.,:]\d{1,9})?)?"
    r"(?P<half>\s*[AaPp]\.?[Mm]\.?)?(?P<zone>\s*(?:Z|[-+]\d{2}:?\d{2}))?"
)


def form_of(texts: Sequence[str], date_order: str = DAY_FIRST) -> str | None:
    """The format of stamps that are not plain ISO 8601 or numbers; None if none fits.

    Whether the day or the month comes first is what a number above 12 shows, the month before a
    time of AM or PM, otherwise ``date_order``. Times without dates give a format without one.
    """
    # the longest first: a fraction of zero may be left out
    for text in sorted(set(texts), key=len, reverse=True):
        form = _form(text, _order(texts, date_order))
        if form is not None:
            return form
    return None


def is_order_open(texts: Sequence[str], form: str) -> bool:
    """Whether the day and the month of all ``texts`` could change places."""
    if not form.startswith(("%d", "%m")):
        return False
    dates = [match for text in texts if (match := _YEAR_LAST.match(text))]
    return not any(int(match[1]) > 12 or int(match[3]) > 12 for match in dates)


def _order(texts: Sequence[str], date_order: str) -> str:
    dates = [match for text in texts if (match := _YEAR_LAST.match(text))]
    if any(int(match[1]) > 12 for match in dates):
        return DAY_FIRST
    has_halves = any(re.search(r"\d\s*[ap]\.?m", text, re.IGNORECASE) for text in texts)
    if has_halves or any(int(match[3]) > 12 for match in dates):
        return MONTH_FIRST
    return date_order


def _form(text: str, order: str) -> str | None:
    date, form = _YEAR_FIRST.match(text), ""
    if date is not None:
        form = date[1].join(("%Y", "%m", "%d"))
    else:
        date = _YEAR_LAST.match(text)
        if date is not None:
            year = "%Y" if len(date[4]) == 4 else "%y"
            first, second = ("%d", "%m") if order == DAY_FIRST else ("%m", "%d")
            form = date[2].join((first, second, year))
    rest = text[date.end() :] if date else text
    if not rest:
        return form or None
    time = _TIME.fullmatch(rest)
    if time is None or bool(date) != bool(time["gap"]):
        return None
    hour = "%I" if time["half"] else "%H"
    form += f"{time['gap']}{hour}{time['colon']}%M"
    if time["seconds"]:
        form += ":%S" + (f"{time['fraction'][0]}%f" if time["fraction"] else "")
    if time["half"]:
        form += " %p" if time["half"][0].isspace() else "%p"
    return form + (("%z" if not time["zone"][0].isspace() else " %z") if time["zone"] else "")
