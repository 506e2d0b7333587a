"""Write the class groups as workbooks that can be read and edited."""

import io
import re
import sys
import zipfile
from pathlib import Path

from exp_classif_eval.class_groups import default_path
from exp_classif_eval.datasets import DATASETS, Dataset, dataset
from transcoder.audioset import AudioSetClass, audioset_classes
from transcoder.class_groups import EVERY_CLASS_OF, TARGET_COLUMNS
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UserError
from transcoder.files import atomic_path

_COLUMN_WIDTHS = (18, 24, 16, 44)


def write_class_groups(dataset_name: str, path: str | Path) -> int:
    """Write the groups of `transcoder.audioset` as a workbook; return its number of rows.

    The same groups always give the same bytes.
    """
    import openpyxl
    from openpyxl.styles import Font

    target = dataset(dataset_name)
    members = [c for c in audioset_classes(EVERY_CLASS_OF) if _target_id(c, target) is not None]
    members.sort(key=lambda c: (_target_id(c, target), c.index))
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = target.name
    sheet.append(TARGET_COLUMNS)
    for member in members:
        target_id = _target_id(member, target)
        target_name = target.class_names[target_id - target.first_class_id]
        sheet.append((target_id, target_name, member.mid, member.name))
    for cell, width in zip(sheet[1], _COLUMN_WIDTHS, strict=True):
        cell.font = Font(bold=True)
        sheet.column_dimensions[cell.column_letter].width = width
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    buffer = io.BytesIO()
    book.save(buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(_without_times(buffer))
    return len(members)


def _target_id(member: AudioSetClass, target: Dataset) -> int | None:
    return getattr(member, target.group_column)


def _without_times(workbook: io.BytesIO) -> bytes:
    """The workbook with all dates set to one and nothing compressed: equal content, equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(workbook) as source, zipfile.ZipFile(buffer, "w") as result:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", b"2023-01-01T00:00:00Z", content)
            result.writestr(zipfile.ZipInfo(entry.filename), content)
    return buffer.getvalue()


def build_parser() -> Parser:
    parser = Parser(
        description="Write which AudioSet classes count for a class of UrbanSound8K and of "
        "SONYC-UST, as two workbooks. The experiment reads those in the folder transcoder: edit "
        "them to score with other groups, and run this with --overwrite to have ours back."
    )
    parser.add_argument(
        "--output_path",
        type=Path,
        default=default_path(next(iter(DATASETS))).parent,
        help="folder of the workbooks",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace workbooks that are there, edited or not"
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    paths = {name: args.output_path / default_path(name).name for name in DATASETS}
    existing = [str(path) for path in paths.values() if path.exists()]
    if existing and not args.overwrite:
        raise UserError(
            f"{' and '.join(existing)} would be replaced, with the edits in them: add --overwrite "
            "or choose another folder with --output_path"
        )
    for name, path in paths.items():
        print(f"{path}: {write_class_groups(name, path)} AudioSet classes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
