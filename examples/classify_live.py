"""Classify a live stream of third-octave levels on a small board: onnxruntime and NumPy alone.

Copy this file and a model of export_model.py (model.onnx) to the board, and

    pip install numpy onnxruntime
    mosquitto_sub -t sensors/1 | python classify_live.py model.onnx --db_offset -51.2

Each line of CSV holds 29 levels in dB, 20 Hz to 12.5 kHz, 8 lines a second; before them there may
be a time, in seconds or ISO 8601; a first line of names is passed over. For each second a line of
JSON with the most probable classes comes out, as from `classify_third_octave.py -`. A line that
cannot be read, or a gap in the times, ends a second early: its rest is completed with silence.
"""

import argparse
import json
import sys
from datetime import datetime, timezone

import numpy as np
import onnxruntime

FRAMES, BANDS, STEP_S = 8, 29, 0.125
LONGEST_GAP_S = 0.19  # between frames that follow each other


def parse(line: str) -> tuple[float | None, np.ndarray] | None:
    """A line's time and levels ``(29,)``; None if it cannot be read."""
    cells = line.strip().split(",")
    if len(cells) not in (BANDS, BANDS + 1):
        return None
    try:
        levels = np.array(cells[-BANDS:], dtype=np.float32)
        time_s = seconds_of(cells[0]) if len(cells) > BANDS else None
    except ValueError:
        return None
    if not np.isfinite([*levels, time_s or 0.0]).all():
        return None
    return time_s, levels


def seconds_of(cell: str) -> float:
    """A time stamp in seconds; without a zone it is taken for UTC."""
    try:
        return float(cell)
    except ValueError:
        moment = datetime.fromisoformat(cell.strip().strip('"').replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def seconds(lines):
    """The seconds of a stream: their time, levels ``(n, 29)`` of n <= 8 frames."""
    frames, start, last = [], 0.0, None
    for number, line in enumerate(lines):
        found = parse(line)
        if found is None and number == 0:
            continue  # names of columns
        is_bad = found is None
        if is_bad:
            print(f"line {number + 1}: no time and {BANDS} levels; passed over", file=sys.stderr)
            last = None if last is None else last + STEP_S
        else:
            time_s, levels = found
            if time_s is None:
                time_s = 0.0 if last is None else last + STEP_S
            is_bad = last is not None and abs(time_s - last - STEP_S) > LONGEST_GAP_S - STEP_S
            last = time_s
        if frames and (is_bad or len(frames) == FRAMES):
            yield start, np.array(frames)
            frames = []
        if found is not None:
            start = start if frames else time_s
            frames.append(levels)
    if frames:
        yield start, np.array(frames)


class Model:
    """An exported model; what it needs to know it says itself."""

    def __init__(self, path: str):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options)
        about = self._session.get_modelmeta().custom_metadata_map
        self.names = json.loads(about["class_names"])
        self._silence_db = float(about["silence_db"])
        self._wants_places = "places" in json.loads(about["inputs"])

    def __call__(self, time_s: float, levels_db: np.ndarray) -> np.ndarray:
        """Class probabilities of a second of ``(n, 29)`` levels, n <= 8."""
        second = np.full((1, FRAMES, BANDS), self._silence_db, dtype=np.float32)
        second[0, : len(levels_db)] = levels_db
        inputs = {"levels": second}
        if self._wants_places:  # which noise its texture has
            inputs["places"] = np.array([abs(int(np.floor(time_s)))])
        return self._session.run(["classes"], inputs)[0][0]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a .onnx file of export_model.py")
    parser.add_argument("--db_offset", type=float, default=0.0, help="added to every level")
    parser.add_argument("--top_k", type=int, default=5)
    return parser


def main() -> None:
    parser = build_parser()
    args = parser.parse_args()
    if args.top_k < 1:
        parser.error(f"--top_k must be 1 or more, not {args.top_k}")
    try:
        model = Model(args.model)
    except Exception as error:  # those of onnxruntime have nothing in common
        sys.exit(f"error: {args.model}: no model of export_model.py ({error})")
    for time_s, levels in seconds(sys.stdin):
        heard = model(time_s, levels + np.float32(args.db_offset))
        best = np.argsort(-heard, kind="stable")[: args.top_k]
        classes = {model.names[k]: round(float(heard[k]), 6) for k in best}
        line = {"time": round(time_s, 3), "coverage": len(levels) / FRAMES, "classes": classes}
        print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
