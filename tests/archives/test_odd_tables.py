"""Damaged and odd tables that are read rightly."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from archive_data import levels, stamps, table
from odd_tables import ARRAY, N, frame, lines_of, read
from sensor_layouts import hertz

from archives.columns import NOMINAL_HZ
from archives.levels import archive_units
from archives.open_archive import open_archive
from archives.options import ReadOptions
from archives.timeline import Timeline, Units


def header_again(path):
    lines = lines_of(frame())
    path.write_text("\n".join([*lines[:50], lines[0], *lines[50:100], "", lines[0], *lines[100:]]))


def preamble_again(path):
    lines = ["Logger 3;", "Site;North", "", *lines_of(frame(), sep=";")]
    path.write_text("\n".join([*lines[:80], "", "Logger 3;", "Site;North", lines[3], *lines[80:]]))


def repeated_column(path):
    data = frame()
    data.insert(3, "LAeq", 1.0)
    data.insert(9, "LAeq ", 1.0)
    data.columns = [name.strip() for name in data.columns]
    data.to_csv(path, index=False)


def units_below(path):
    lines = lines_of(frame())
    path.write_text("\n".join([lines[0], "[s]" + ",[dB]" * 29, *lines[1:]]))


def names_in_two_lines(path):
    lines = lines_of(frame(), sep=";")
    above, below = ";LZeq" + ";" * 28, "Zeit;" + lines[0].partition(";")[2]
    path.write_text("\n".join(["Messung 3", "", above, below, *lines[1:]]))


def one_quantity_above_all(path):
    lines = lines_of(frame())
    path.write_text("\n".join(["," + "LAeq," * 29, *lines]))


def comment_at_the_end(path):
    path.write_text("\n".join([*lines_of(frame()), "", "# end of file", "Mean,5,6"[:4], ""]))


def bytes_of_another_code(path):
    text = "\n".join(["Opérateur: José", "", *lines_of(frame(), sep=";", decimal=",")])
    path.write_bytes(text.encode("latin-1"))


def utf_16(path):
    path.write_text("\n".join(lines_of(frame(), sep="\t")), encoding="utf-16")


def carriage_returns(path):
    path.write_bytes("\r\n".join(lines_of(frame())).encode())


def quoted(path):
    frame().astype(str).to_csv(path, index=False, quoting=1)


def padded(path):
    lines = [" ; ".join(line.split(",")) + " ;" for line in lines_of(frame())]
    path.write_text("\n".join(lines))


def bands_upside_down(path):
    data = frame()
    data[["time", *data.columns[:0:-1]]].to_csv(path, index=False)


def names_with_units(path):
    frame(names=[f"Leq {name} [dB]" for name in hertz("kHz", "Hz")]).to_csv(path, index=False)


def names_of_iec(path):
    frame(names=[f"LZeq_{hz:g}".replace(".", "_") for hz in NOMINAL_HZ]).to_csv(path, index=False)


def percentiles_beside(path):
    data = frame(names=[f"L{hz:g}Hz" for hz in NOMINAL_HZ])
    data.insert(1, "L50", 3.0)
    data["LAF90"], data["L10"] = 2.0, 1.0
    data.to_csv(path, index=False)


def more_bands_outside(path):
    data = frame()
    data.insert(1, "16 Hz", 9.0)
    data["16 kHz"], data["20 kHz"] = 9.0, 9.0
    data.to_csv(path, index=False)


def american_dates(path):
    times = stamps(N)
    text = [f"{t:%m/%d/%Y} {t:%I:%M:%S} {t:%p}" for t in times.floor("s")]
    frame(text).to_csv(path, index=False)


def fractions_left_out(path):
    text = [f"{t:%d.%m.%Y %H:%M:%S}" + (f",{t.microsecond // 1000:03d}" if t.microsecond else "")
            for t in stamps(N)]  # fmt: skip
    frame(text).to_csv(path, index=False, sep=";", decimal=",")


def clock_of_the_day(path):
    frame([f"{t:%H:%M:%S}.{t.microsecond // 1000:03d}" for t in stamps(N)]).to_csv(
        path, index=False
    )


def summer_time_in_zones(path):
    times = pd.date_range("2024-10-27T00:59:50Z", periods=N, freq="125ms").tz_convert(
        "Europe/Paris"
    )
    frame([t.isoformat() for t in times]).to_csv(path, index=False)


def numbers_as_text(path):
    frame().astype(str).to_parquet(path)


def packed_with_preamble(path):
    with gzip.open(path, "wt") as file:
        file.write("\n".join(["Logger", "", *lines_of(frame())]))


def workbook_with_notes(path):
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"1 kHz": ["see", "there"], "note": [1, 2]}).to_excel(book, sheet_name="Notes")
        frame(stamps(N)).to_excel(book, sheet_name="Data", startrow=4, index=False)


def json_of_keys(path):
    rows = frame().to_dict("records")
    path.write_text("\n".join(json.dumps({"payload": row, "battery": 3.2}) for row in rows))


def list_of_records(path):
    path.write_text(json.dumps(frame().to_dict("records"), indent=1))


def decimal_comma_later(path):
    lines = lines_of(frame().astype({name: str for name in hertz()}), sep=";")
    lines[30:] = [line[:25] + line[25:].replace(".", ",") for line in lines[30:]]
    path.write_text("\n".join(lines))


READ = {
    "header_again.csv": header_again,
    "preamble_again.csv": preamble_again,
    "repeated_column.csv": repeated_column,
    "units_below.csv": units_below,
    "two_lines.txt": names_in_two_lines,
    "comment.csv": comment_at_the_end,
    "latin.csv": bytes_of_another_code,
    "utf_16.txt": utf_16,
    "carriage.csv": carriage_returns,
    "quoted.csv": quoted,
    "padded.txt": padded,
    "upside_down.csv": bands_upside_down,
    "units.csv": names_with_units,
    "iec.csv": names_of_iec,
    "percentiles.csv": percentiles_beside,
    "outside.csv": more_bands_outside,
    "american.csv": american_dates,
    "fractions.csv": fractions_left_out,
    "day_clock.csv": clock_of_the_day,
    "summer_time.csv": summer_time_in_zones,
    "text.parquet": numbers_as_text,
    "preamble.csv.gz": packed_with_preamble,
    "notes.xlsx": workbook_with_notes,
    "keys.jsonl": json_of_keys,
    "list.json": list_of_records,
    "comma_later.csv": decimal_comma_later,
}


@pytest.mark.parametrize("name", READ)
def test_odd_tables_are_read(name, tmp_path):
    READ[name](tmp_path / name)
    units, found, _ = read(tmp_path / name)
    np.testing.assert_allclose(units.levels_db.reshape(-1, 29), ARRAY, atol=0.00501)
    steps = np.diff(units.times_s)
    np.testing.assert_allclose(steps, 1, atol=1e-3)
    assert (found.step_s, found.segments, found.filled) == (0.125, 1, 0)


def test_one_quantity_above_all_names_the_weighting(tmp_path):
    one_quantity_above_all(tmp_path / "a.csv")
    assert "A weighting" in read(tmp_path / "a.csv")[2].understood["quantity"]


def test_winter_time_begins_without_a_zone(tmp_path):
    """An hour of local time comes twice: a jump back, and nothing is lost."""
    times = pd.date_range("2024-10-27T02:59:50", periods=N, freq="125ms").to_list()
    times[80:] = [time - pd.Timedelta(hours=1) for time in times[80:]]
    frame([str(time) for time in times]).to_csv(tmp_path / "a.csv", index=False)
    units, found, _ = read(tmp_path / "a.csv")
    assert (found.jumps_back, found.segments, found.repeated) == (1, 2, 0)
    np.testing.assert_allclose(units.levels_db.reshape(-1, 29), ARRAY, atol=0.00501)


def test_a_gap_of_a_year(tmp_path):
    times = stamps(N).to_list()
    times[80:] = [time + pd.Timedelta(days=366) for time in times[80:]]
    frame([str(time) for time in times]).to_csv(tmp_path / "a.csv", index=False)
    units, found, _ = read(tmp_path / "a.csv")
    assert (found.gaps, len(units)) == (1, 20)
    assert found.gap_s == pytest.approx(366 * 86400, rel=1e-6)


def test_a_file_that_grows_while_it_is_read(tmp_path):
    lines = lines_of(frame())
    path = tmp_path / "a.csv"
    path.write_text(
        "\n".join(lines[:100]) + "\n" + lines[100][:60]
    )  # its last line is half written
    units, found, _ = read(path)
    assert (len(units), found.missing) == (13, 1)
    archive = open_archive(path)
    with path.open("a") as file:
        file.write(lines[100][60:] + "\n" + "\n".join(lines[101:]) + "\n")
    units = Units.join(list(archive_units(archive, Timeline.of(path, ReadOptions()))))
    np.testing.assert_allclose(units.levels_db.reshape(-1, 29), ARRAY, atol=0.00501)
    records = [json.dumps(row) + "\n" for row in frame().to_dict("records")]
    (tmp_path / "b.jsonl").write_text("".join(records[:80]) + records[80][:100])
    assert len(read(tmp_path / "b.jsonl")[0]) == 10


def test_a_named_index_and_a_bare_one_are_read_from_parquet(tmp_path):
    data = pd.DataFrame(ARRAY, columns=hertz(), index=stamps(N))
    for name in (None, "when"):
        data.index.name = name
        data.to_parquet(tmp_path / "a.parquet")
        units, _, _ = read(tmp_path / "a.parquet")
        np.testing.assert_allclose(units.levels_db.reshape(-1, 29), ARRAY, atol=1e-4)


def test_a_note_may_be_long(tmp_path):
    data = table(ARRAY).assign(note="")
    data.loc[3, "note"] = "x" * 200_000
    data.to_csv(tmp_path / "a.csv", index=False)
    units, _, _ = read(tmp_path / "a.csv")
    np.testing.assert_allclose(units.levels_db.reshape(-1, 29), ARRAY, atol=1e-4)


def test_a_long_csv_is_read_in_little_memory(tmp_path):
    """6 h of levels, 35 MB of text: blocks of ten minutes each."""
    import tracemalloc

    part = table(levels(4800)).to_csv(index=False, header=False)
    with (tmp_path / "a.csv").open("w") as file:
        file.write(table(levels(1)).to_csv(index=False).splitlines()[0] + "\n")
        for _ in range(36):
            file.write(part)
    archive = open_archive(tmp_path / "a.csv")
    blocks = archive.blocks()
    next(blocks)
    tracemalloc.start()
    assert sum(map(len, blocks)) == 35 * 4800
    assert tracemalloc.get_traced_memory()[1] < 30e6
    tracemalloc.stop()
