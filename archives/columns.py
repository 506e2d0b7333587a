"""The columns of a table by their names: which hold the time, which the level of which band."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archives.frames import ArchiveError
from transcoder.settings import THIRD_OCTAVE

TIME_NAMES = (
    "time", "timestamp", "time stamp", "datetime", "date time", "start time", "starttime",
    "date start", "phenomenontime", "resulttime", "debut periode", "periode debut", "date heure",
    "date et heure", "horodatage", "zeitstempel", "datum uhrzeit", "fecha hora", "start date",
    "start date time", "measurement start", "time utc", "utc time", "local time", "leq utc",
    "recorded at", "measured at", "received at", "created at", "epoch", "ts", "utc", "t", "time s",
    "start", "debut", "date", "datum", "fecha", "heure", "uhrzeit", "zeit", "hora",
)  # fmt: skip
"""Headings of a time column, as `plain` gives them; of several the first here is taken."""

NOMINAL_HZ = (
    20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250,
    1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500,
)  # fmt: skip
"""What people call the bands (IEC 61260-1)."""

_DATES = ("date", "datum", "fecha", "data", "jour", "day", "measurement date", "start date")
_TIMES_OF_DAY = ("time", "heure", "uhrzeit", "zeit", "hora", "ora", "start time", "time of day")

# "Fast_1000", "1 kHz", "L_12.5kHz", "Leq 31,5 Hz", "leq_31_5", "1/3 LZeq 6.3", "LZeq 20Hz [dB]"
_BAND_NAME = re.compile(
    r"(?P<quantity>(?:[^;\t]*?[^\d.,;\t])??)"
    r"(?P<number>\d+(?:[.,_]\d+)?)\s*(?P<kilo>k?)\s*(?:hz)?[\s)\]]*"
    r"(?:[\[( ]*db[\s(]*(?P<weighting>[acz]?)[\s\])]*)?",
    re.IGNORECASE | re.DOTALL,
)
_PERCENTILE = re.compile(r"l[acz]?[fsi]?n?\d{1,2}", re.IGNORECASE)  # LAF90 is no band of 90 Hz
_NO_QUANTITY = {"1", "3", "1 3", "oct", "octave", "third", "3rd", "th", "db", "dt", "band", "hz"}
_TOLERANCE = 0.05  # names are rounded: 31.5 and 31 for 31.6 Hz; neighbours are 26 % apart
_FEWEST_BANDS = 10


@dataclass(frozen=True)
class Bands:
    """The columns of levels that are read.

    Attributes
    ----------
    columns : band number (0 = 20 Hz to 28 = 12.5 kHz) -> position of its column
    quantity : what they hold, such as "lzeq"; "" where the names do not say
    weighting : "A", "C" or "Z" (none)
    others : quantities that are there too
    """

    columns: dict[int, int]
    quantity: str
    weighting: str
    others: tuple[str, ...] = ()


def plain(name: str) -> str:
    """A heading without case, accents and signs: "Début période" is "debut periode"."""
    letters = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^a-z0-9]+", " ", letters.casefold()).split())


def band_of(name: str) -> int | None:
    """The band that a heading names; -1 for a frequency between bands, None if it names none."""
    match = _BAND_NAME.fullmatch(str(name).strip())
    if match is None or match["quantity"].strip() in ("-", "+", "Unnamed:"):
        return None
    number = match["number"].replace(",", ".").replace("_", ".")
    frequency_hz = float(number) * (1000 if match["kilo"] else 1)
    centres = np.array(THIRD_OCTAVE.centres_hz)
    if not centres[0] * 0.9 < frequency_hz < centres[-1] * 1.1:
        return None
    band = int(np.abs(np.log(centres / frequency_hz)).argmin())
    return band if abs(frequency_hz / centres[band] - 1) <= _TOLERANCE else -1


def quantity_of(name: str) -> str:
    """What a heading measures: "1/3 Oct LZeq (TH) [dB] 20 Hz" is "lzeq"."""
    match = _BAND_NAME.fullmatch(str(name).strip())
    words = plain(match["quantity"] if match else name).split()
    quantity = "".join(word for word in words if word not in _NO_QUANTITY)
    unit = (match["weighting"] or "").casefold() if match else ""
    return f"{quantity}db{unit}" if unit in ("a", "c") else quantity


def weighting_of(quantity: str) -> str:
    """The frequency weighting that a quantity has: "A", "C" or "Z"."""
    match = re.fullmatch(r"l?p?([ac])(eq|[fsi]|e|max|min|\d|$).*|.*db([ac])", quantity)
    return (match[1] or match[3]).upper() if match else "Z"


def find_bands(names: Sequence[str], where: str, level: str | None = None) -> Bands:
    """The columns of levels among ``names``.

    Of several quantities that have all bands, ``level`` says which; without it an unweighted Leq
    is taken, then other unweighted levels, then an A-weighted Leq. Where the names tell none,
    ``level`` says what they hold. Columns outside of 20 Hz to 12.5 kHz are passed over.

    Raises
    ------
    ArchiveError
        If a band is there twice, lacks between others, or there are too few for third octaves.
    """
    found = [(position, band) for position, name in enumerate(names)
             if (band := band_of(name)) is not None]  # fmt: skip
    of_bands = [(p, b) for p, b in found if not _PERCENTILE.fullmatch(str(names[p]).strip())]
    found = of_bands if len(of_bands) >= _FEWEST_BANDS else found
    if not found:
        raise ArchiveError(
            f"{where}: no column is named after a third-octave band (such as 'Fast_1000', '1000' "
            f"or '1 kHz'); it has {_listed(names)}"
        )
    quantities = {position: quantity_of(names[position]) for position, _ in found}
    counts = Counter(quantities.values())
    full = [q for q, count in counts.items() if count >= _FEWEST_BANDS]
    if full:  # then "Battery 25" is no band
        found = [(p, b) for p, b in found if quantities[p] in full or _is_level(quantities[p])]
    bands = [band for _, band in found]
    if len(full) < 2 or len(set(bands)) == len(bands):
        # names of one table may differ in style
        quantity = counts.most_common(1)[0][0]
        if level and quantity in ("", *_UNNAMED):
            quantity = quantity_of(level)
        elif level and quantity != quantity_of(level):
            raise ArchiveError(f"{where}: no {level}; it has {quantity}")
        if len(full) == 1 and len(set(bands)) < len(bands):
            found = [(p, b) for p, b in found if quantities[p] == full[0]]
        return Bands(_checked(found, names, where), quantity, weighting_of(quantity))
    quantity = _choose(full, level, where)
    found = [(p, b) for p, b in found if quantities[p] == quantity]
    others = tuple(q for q in full if q != quantity)
    return Bands(_checked(found, names, where), quantity, weighting_of(quantity), others)


def _is_level(quantity: str) -> bool:
    return quantity in ("", *_UNNAMED) or re.match(r"l[aczp]?[fsi]?(eq|max|min|$)", quantity)


_UNNAMED = ("fast", "slow", "leq", "l", "level", "lp", "spl", "f", "b")


def _choose(quantities: list[str], level: str | None, where: str) -> str:
    listed = ", ".join(quantities)
    if level is not None:
        if quantity_of(level) in quantities:
            return quantity_of(level)
        raise ArchiveError(f"{where}: no {level}; --level must be one of {listed}")
    ranks = {quantity: _rank(quantity) for quantity in quantities}
    best = [quantity for quantity in quantities if ranks[quantity] == min(ranks.values())]
    if len(best) > 1 or ranks[best[0]] > 2:
        raise ArchiveError(f"{where}: its bands hold {listed}: say which with --level")
    return best[0]


def _rank(quantity: str) -> int:
    if re.search(r"max|min|pk|peak|\d", quantity):
        return 3
    if weighting_of(quantity) != "Z":
        return 2 if quantity.endswith("eq") else 3
    return 0 if quantity.endswith("eq") else 1


def _checked(found: list[tuple[int, int]], names: Sequence[str], where: str) -> dict[int, int]:
    columns: dict[int, int] = {}
    for position, band in found:
        if band < 0:
            raise ArchiveError(f"{where}: column {names[position]!r} is not a third-octave band")
        if band in columns:
            raise ArchiveError(
                f"{where}: columns {names[columns[band]]!r} and {names[position]!r} are the same "
                "band"
            )
        columns[band] = position
    lacking = sorted(set(range(min(columns), max(columns))) - set(columns))
    if lacking:
        raise ArchiveError(
            f"{where}: the band {band_name(lacking[0])} is missing between others "
            f"({len(lacking)} in all); octave bands cannot be used"
        )
    if len(columns) < _FEWEST_BANDS:
        raise ArchiveError(
            f"{where}: only {len(columns)} third-octave bands; {_FEWEST_BANDS} or more are needed"
        )
    return dict(sorted(columns.items()))


def find_time_columns(names: Sequence[str], given: str | None, where: str) -> tuple[int, ...]:
    """Positions of the column of time stamps, or of a date and of a time of day.

    It is ``given``, or the one that is named most like a time.
    """
    names = [str(name) for name in names]
    if given is not None:
        return (named_column(names, given, where),)
    positions: dict[str, int] = {}
    for position, name in enumerate(names):
        positions.setdefault(plain(name), position)
    date = next((positions[name] for name in _DATES if name in positions), None)
    time = next((positions[name] for name in _TIMES_OF_DAY if name in positions), None)
    if date is not None and time is not None:
        return date, time
    for name in TIME_NAMES:
        if name in positions:
            return (positions[name],)
    raise ArchiveError(
        f"{where}: no time column (named {', '.join(TIME_NAMES[:3])}...): say which it is with "
        f"--time_column; it has {_listed(names)}"
    )


def named_column(names: Sequence[str], given: str, where: str) -> int:
    """Position of the column called ``given``, or nearly so; `ArchiveError` if there is none."""
    names = [str(name) for name in names]
    if given in names:
        return names.index(given)
    for position, name in enumerate(names):
        if plain(name) == plain(given):
            return position
    raise ArchiveError(f"{where}: no column {given!r}; it has {_listed(names)}")


def band_name(band: int) -> str:
    """The nominal frequency of a band, in words."""
    return f"{NOMINAL_HZ[band]:g} Hz"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:6])
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")
