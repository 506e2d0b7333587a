"""What sensors and meters export, written from levels: one function a layout.

Each takes a path, levels ``(n, 29)`` in dB and the step in seconds, and writes what the instrument
would have written. Layouts of NTi, Svantek, Larson Davis, CENSE, OnoSensor, NoiseCapture and
InfluxDB follow real files or programs; those of B&K, 01dB, Rion and Casella are built from manuals.
"""

import gzip
import json

import h5py
import numpy as np
import pandas as pd

from archives.columns import NOMINAL_HZ

START = pd.Timestamp("2024-05-17T10:00:00")


def stamps(n, step_s):
    return START + pd.to_timedelta(np.round(np.arange(n) * step_s * 1e6), unit="us")


def hertz(kilo=" kHz", plain=" Hz", sign="."):
    names = [f"{hz / 1000:g}{kilo}" if hz >= 1000 else f"{hz:g}{plain}" for hz in NOMINAL_HZ]
    return [name.replace(".", sign) for name in names]


def rows_of(array, decimals, sign="."):
    return [[f"{value:.{decimals}f}".replace(".", sign) for value in row] for row in array]


def milliseconds(times):
    return [f"{t:%H:%M:%S}.{t.microsecond // 1000:03d}" for t in times]


def cense(path, array, step_s):
    names = ["epoch", *(f"{hz:g}".replace(".", "_") for hz in NOMINAL_HZ), "leq", "laeq"]
    rows = np.zeros(len(array), dtype=[(name, "f8") for name in names])
    rows["epoch"] = START.timestamp() * 1000 + np.arange(len(array)) * step_s * 1000
    for band, name in enumerate(names[1:30]):
        rows[name] = array[:, band]
    half = len(array) // 2
    with h5py.File(path, "w") as file:
        file.attrs.update({"map_id_sensor": "p0720", "lat": 47.7, "long": -3.3})
        file["2024_05/17/fast_125ms"] = rows[:half]
        file["2024_05/18/fast_125ms"] = rows[half:]


def fast_to_ears(path, array, step_s):
    with h5py.File(path, "w") as file:
        file["fast_125ms"] = array[np.newaxis]


def fast_to_wav(path, array, step_s):
    frame = pd.DataFrame(array, columns=[f"Fast_{hz:g}" for hz in NOMINAL_HZ]).round(2)
    epoch = START.timestamp() * 1000 + np.arange(len(array)) * step_s * 1000
    frame.insert(0, "epoch", epoch.astype(np.int64))
    frame.to_csv(path, index=False)


def onosensor(path, array, step_s):
    per_record = round(1 / step_s)
    with gzip.open(path, "wt") as file:
        for start in range(0, len(array), per_record):
            part = array[start : start + per_record].round(2)
            begin = START + pd.Timedelta(seconds=start * step_s)
            end = begin + pd.Timedelta(seconds=len(part) * step_s - 0.001)
            record = {"date_start": f"{begin.isoformat()}Z", "date_end": f"{end.isoformat()}Z"}
            record |= {"hwa": "b8:27:eb", "LZeq": [60.0] * len(part), "LAeq": [55.0] * len(part)}
            record |= {f"{hz:g}HZ": part[:, k].tolist() for k, hz in enumerate(NOMINAL_HZ)}
            file.write(json.dumps(record) + "\n")


def noisecapture(path, array, step_s):
    features = []
    for number, row in enumerate(array.round(1).tolist()):
        properties = {
            "leq_mean": 60,
            "leq_utc": round((START.timestamp() + number * step_s) * 1000),
        }
        properties |= {f"leq_{hz:g}": row[k] for k, hz in enumerate(NOMINAL_HZ) if hz >= 100}
        point = {"type": "Point", "coordinates": [0, 0]}
        features.append({"type": "Feature", "geometry": point, "properties": properties})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def nti(path, array, step_s):
    bands = [f"{hz:.1f}" for hz in (6.3, 8, 10, 12.5, 16, *NOMINAL_HZ, 16000, 20000)]
    lines = [
        "XL2 RTA Spectrum Logging:\t\tX\\2024-05-17_SLM_000_RTA_3rd_Log.txt",
        "-------------------------",
        "",
        "# Hardware Configuration",
        "\tDevice Info:    \tXL2, SNo. A2A-11461-E0, FW4.71 Type Approved",
        "\tTime Zone:      \tUTC+00:00 (Europe/London)",
        "",
        "# Time",
        "\tStart:          \t2024-05-17, 10:00:00",
        "",
        "# RTA LOG Results",
        "\t         \t       \t       \t        " + "\tLZeq_dt  " * len(bands),
        "\tDate     \tTime   \tTimer  \tBand [Hz]" + "".join(f"\t{band:<9}" for band in bands),
        "\t[YYYY-MM-DD]\t[hh:mm:ss]\t[hh:mm:ss]\t  " + "\t[dB]     " * len(bands),
    ]
    for time, row in zip(stamps(len(array), step_s), rows_of(array, 1), strict=True):
        cells = ["12.0"] * 5 + row + ["20.0"] * 2
        clock = f"{time:%H:%M:%S}" + (f".{time.microsecond // 100000}" if step_s < 1 else "")
        lines.append(
            f"\t{time:%Y-%m-%d}\t{clock}\t00:02:30\t  " + "".join(f"\t{c:<9}" for c in cells)
        )
    path.write_text("\n".join([*lines, "", "#CheckSum", "A1B2C3", ""]))


def svantek(path, array, step_s):
    names = ["8 Hz", "10 Hz", "12.5 Hz", "16 Hz", *hertz()]
    lines = [
        "L348",
        "Serial: 143568  Meter: 971-2",
        "",
        ",,P3" + ",1/3 Octave" * len(names),
        ",,LZeq (TH) [dB]" + ",1/3 Oct LZeq (TH) [dB]" * len(names),
        "Date & time,flags,," + ",".join(names),
    ]
    times = stamps(len(array), step_s)
    for time, row in zip(times, rows_of(array, 2), strict=True):
        text = f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03d}"
        lines.append(",".join([text, "0.0", "61.13", "9", "9", "9", "9", *row]))
    path.write_text("\n".join(lines) + "\n")


def larson_davis_table(array, step_s):
    bands = [f"1/3 LZeq {hz:.1f}" if hz < 100 else f"1/3 LZeq {hz:g}"
             for hz in (6.3, 8, 10, 12.5, 16, *NOMINAL_HZ, 16000, 20000)]  # fmt: skip
    frame = pd.DataFrame(np.pad(array, ((0, 0), (5, 2)), constant_values=10), columns=bands).round(
        1
    )
    times = stamps(len(array), step_s)
    frame.insert(0, "LAeq", 69.3)
    frame.insert(0, "Time", milliseconds(times))
    frame.insert(0, "Date", times.strftime("%Y-%m-%d"))
    frame.insert(0, "Record Type", None)
    run, stop = frame.iloc[:1].copy(), frame.iloc[-1:].copy()
    for row, what in ((run, "Run"), (stop, "Stop")):
        row["Record Type"] = what
        row.iloc[:, 3:] = np.nan
    frame = pd.concat([run, frame, stop])
    frame.insert(0, "Record #", np.arange(1, len(frame) + 1))
    return frame


def larson_davis(path, array, step_s):
    larson_davis_table(array, step_s).to_csv(path, index=False)


def larson_davis_workbook(path, array, step_s):
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"Serial Number": ["0004321"]}).to_excel(book, sheet_name="Summary")
        larson_davis_table(array, step_s).to_excel(book, sheet_name="Time History", index=False)


def bk(path, array, step_s, names=None, more=None):
    names = names or [f"LZeq {name}" for name in hertz("kHz", "Hz")]
    times = stamps(len(array), step_s)
    lines = ["\t".join(["Start Time", "LAeq", "LAF90", *names, *(more or [])])]
    for time, row in zip(times, rows_of(array, 1), strict=True):
        text = f"{time:%d/%m/%Y %H:%M:%S}.{time.microsecond // 1000:03d}"
        lines.append("\t".join([text, "61.0", "50.0", *row, *["99.9" for _ in more or []]]))
    path.write_text("\n".join(lines) + "\n")


def bk_with_maxima(path, array, step_s):
    bk(path, array, step_s, more=[f"LZFmax {name}" for name in hertz("kHz", "Hz")])


def bk_a_weighted(path, array, step_s):
    from archives.acoustics import weighting_db

    names = [f"LAeq {name}" for name in hertz("kHz", "Hz")]
    bk(path, array + weighting_db("A"), step_s, names=names)


def db_trait(path, array, step_s):
    lines = [
        "Fichier;20240517_100000_101000.cmg",
        "Lieu;DUO n°10472",
        "Type de données;Leq 1/3 oct",
        "Pondération;Lin",
        "",
        "Début période;Leq;" + ";".join(hertz(sign=",")),
    ]
    for time, row in zip(stamps(len(array), step_s), rows_of(array, 1, ","), strict=True):
        text = f"{time:%d/%m/%Y %H:%M:%S}:{time.microsecond // 1000:03d}"
        lines.append(";".join([text, "65,2", *row]))
    path.write_text("\n".join(lines) + "\n", encoding="latin-1")


def rion(path, array, step_s):
    names = ["Start Time", "Measurement Time", "Main Lp", "All Pass", "12.5 Hz", "16 Hz", *hertz()]
    lines = ["CSV,Level Meter", "Model,NX-42RT", "", ",".join(f'"{name}"' for name in names)]
    for time, row in zip(stamps(len(array), step_s), rows_of(array, 1), strict=True):
        text = f"{time:%Y/%m/%d %H:%M:%S}.{time.microsecond // 1000:03d}"
        lines.append(",".join([f'"{text}"', '"00d 00:00:00.1"', "60.1", "65.1", "1", "1", *row]))
    path.write_text("\n".join(lines) + "\n")


def casella(path, array, step_s):
    lines = []
    for time, row in zip(stamps(len(array), step_s), rows_of(array, 1), strict=True):
        pairs = [f"{name}, {level}" for name, level in zip(hertz("kHz", "Hz"), row, strict=True)]
        text = f"{time:%d/%m/%Y, %H:%M:%S}.{time.microsecond // 1000:03d}"
        lines.append(", ".join(["<1/3 OCT LZeq>", text, "12.5Hz, 32.3", *pairs]))
    path.write_text("\n".join(lines) + "\n")


def influx_long(path, array, step_s):
    lines = [
        "#datatype,string,long,dateTime:RFC3339,double,string,string",
        "#group,false,false,false,false,true,true",
        "#default,_result,,,,,",
        ",result,table,_time,_value,_field,_measurement",
    ]
    for band, hz in enumerate(NOMINAL_HZ):
        for time, level in zip(stamps(len(array), step_s), array[:, band], strict=True):
            stamp = f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"
            lines.append(f",,{band},{stamp},{level:.2f},leq_{hz:g},noise")
    path.write_text("\n".join(lines) + "\n")


def influx_pivoted(path, array, step_s):
    frame = pd.DataFrame(array, columns=[f"leq_{hz:g}" for hz in NOMINAL_HZ]).round(2)
    frame.insert(0, "_time", [f"{t.isoformat()}Z" for t in stamps(len(array), step_s)])
    frame.to_csv(path, index=False)


def sensor_things(path, array, step_s):
    with path.open("w") as file:
        for time, row in zip(stamps(len(array), step_s), array.round(1).tolist(), strict=True):
            file.write(json.dumps({"phenomenonTime": f"{time.isoformat()}Z", "result": row}) + "\n")


def date_and_time(path, array, step_s):
    frame = pd.DataFrame(array, columns=[f"{hz:g}" for hz in NOMINAL_HZ]).round(2)
    times = stamps(len(array), step_s)
    frame.insert(0, "Time", milliseconds(times))
    frame.insert(0, "Date", times.strftime("%Y-%m-%d"))
    frame.to_csv(path, index=False, sep="\t")


def workbook(path, array, step_s):
    frame = pd.DataFrame(array, columns=hertz()).round(2)
    frame.insert(0, "timestamp", stamps(len(array), step_s))
    frame.to_excel(path, index=False)


def indexed_parquet(path, array, step_s):
    index = pd.Index(stamps(len(array), step_s), name="time")
    pd.DataFrame(array, columns=hertz(), index=index).to_parquet(path)


LAYOUTS = {
    "cense.h5": (cense, 0),
    "fast_to_ears.h5": (fast_to_ears, 0),
    "fast_to_wav.csv": (fast_to_wav, 0.005),
    "onosensor.json.gz": (onosensor, 0.005),
    "nti_3rd_Log.txt": (nti, 0.05),
    "svantek.csv": (svantek, 0.005),
    "larson_davis.csv": (larson_davis, 0.05),
    "larson_davis.xlsx": (larson_davis_workbook, 0.05),
    "bk.txt": (bk, 0.05),
    "bk_maxima.tsv": (bk_with_maxima, 0.05),
    "bk_a_weighted.txt": (bk_a_weighted, 0.05),
    "db_trait.csv": (db_trait, 0.05),
    "rion.csv": (rion, 0.05),
    "casella.csv": (casella, 0.05),
    "influx_long.csv": (influx_long, 0.005),
    "influx_pivoted.csv": (influx_pivoted, 0.005),
    "sensor_things.jsonl": (sensor_things, 0.05),
    "date_and_time.tsv": (date_and_time, 0.005),
    "workbook.xlsx": (workbook, 0.005),
    "indexed.parquet": (indexed_parquet, 0),
}
"""Name of a file -> its writer, and the most that its rounding changes a level by, in dB."""
