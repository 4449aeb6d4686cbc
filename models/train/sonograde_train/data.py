"""`labels.csv` → rows that can be trusted, and the split by patient."""

import csv
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from .preprocess import Box
from .repvgg import CLASSES

COLUMNS = ("patient_id", "exam_id", "path", "t_ms", "grade", "pane", "roi", "mask")


@dataclass(frozen=True)
class Row:
    """One labelled picture. `grade` indexes CLASSES; boxes are in the picture's own pixels."""

    patient_id: str
    exam_id: str
    path: Path
    t_ms: int | None  # since the injection; None where a site does not know it
    grade: int
    pane: Box
    roi: Box
    mask: Path | None


class BadLabels(Exception):
    """Every reason why a folder is refused, one a line."""

    def __init__(self, folder: Path, reasons: list[str]) -> None:
        lines = "\n".join(f"  {reason}" for reason in reasons)
        super().__init__(f"{folder / 'labels.csv'}: {len(reasons)} problems, nothing was read\n{lines}")
        self.reasons = reasons


def read_labels(folder: Path) -> list[Row]:
    """All rows of `folder`/labels.csv. Raises BadLabels with the whole list if any row is bad."""
    labels = folder / "labels.csv"
    if not labels.is_file():
        raise BadLabels(folder, ["file not found"])
    rows: list[Row] = []
    reasons: list[str] = []
    with labels.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise BadLabels(folder, [f"header lacks {', '.join(missing)}"])
        for record in reader:
            try:
                rows.append(_read_row(folder, record))
            except (ValueError, OSError) as reason:
                reasons.append(f"line {reader.line_num}: {reason}")
    reasons += _contradictions(rows)
    if not rows and not reasons:
        reasons.append("no rows")
    if reasons:
        raise BadLabels(folder, reasons)
    return rows


def _read_row(folder: Path, record: dict) -> Row:
    if None in record or None in record.values():
        raise ValueError(f"expected {len(COLUMNS)} fields")
    if not record["patient_id"] or not record["exam_id"]:
        raise ValueError("patient_id and exam_id must not be empty")
    if record["grade"] not in CLASSES:
        raise ValueError(f'unknown grade "{record["grade"]}", expected {" or ".join(CLASSES)}')
    path = folder / record["path"]
    if not path.is_file():
        raise ValueError(f"missing file {record['path']}")
    with Image.open(path) as picture:
        width, height = picture.size
    pane, roi = (_read_box(name, record[name], width, height) for name in ("pane", "roi"))
    mask = folder / record["mask"] if record["mask"] else None
    if mask is not None:
        _check_mask(mask, record["mask"], (width, height))
    return Row(
        record["patient_id"],
        record["exam_id"],
        path,
        int(record["t_ms"]) if record["t_ms"] else None,
        CLASSES.index(record["grade"]),
        pane,
        roi,
        mask,
    )


def _check_mask(mask: Path, name: str, size: tuple[int, int]) -> None:
    if not mask.is_file():
        raise ValueError(f"missing mask {name}")
    with Image.open(mask) as picture:
        if picture.size != size:
            raise ValueError("mask {} is {}x{}, its picture {}x{}".format(name, *picture.size, *size))


def _read_box(name: str, text: str, width: int, height: int) -> Box:
    try:
        x, y, w, h = (int(number) for number in text.split(","))
    except ValueError:
        raise ValueError(f'{name} "{text}" is not x,y,w,h in whole pixels') from None
    if x < 0 or y < 0 or w < 1 or h < 1 or x + w > width or y + h > height:
        raise ValueError(f"{name} {text} lies outside the picture of {width}x{height}")
    return x, y, w, h


def _contradictions(rows: list[Row]) -> list[str]:
    grades, patients = defaultdict(set), defaultdict(set)
    for row in rows:
        grades[row.patient_id].add(row.grade)
        patients[row.exam_id].add(row.patient_id)
    return [f"patient {patient} has both grades" for patient, seen in grades.items() if len(seen) > 1] + [
        f"exam {exam} is of several patients: {', '.join(sorted(seen))}"
        for exam, seen in patients.items()
        if len(seen) > 1
    ]


def split_by_patient(rows: list[Row], share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """(training, validation) rows; about `share` of the patients of each grade are validation."""
    held_out: set[str] = set()
    for grade in range(len(CLASSES)):
        patients = sorted({row.patient_id for row in rows if row.grade == grade})
        if len(patients) < 2:
            raise ValueError(
                f"a split needs at least 2 patients of grade {CLASSES[grade]}, got {len(patients)}"
            )
        random.Random(f"{seed}:{grade}").shuffle(patients)
        held_out.update(patients[: max(1, round(share * len(patients)))])
    training = [row for row in rows if row.patient_id not in held_out]
    validation = [row for row in rows if row.patient_id in held_out]
    assert_no_patient_crosses(training, validation)
    return training, validation


def assert_no_patient_crosses(a: list[Row], b: list[Row]) -> None:
    """Raises ValueError naming the patients that two sets share."""
    shared = {row.patient_id for row in a} & {row.patient_id for row in b}
    if shared:
        raise ValueError(f"patients in both sets: {', '.join(sorted(shared))}")
