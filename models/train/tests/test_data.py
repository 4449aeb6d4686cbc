import csv
import dataclasses

import pytest
from PIL import Image

from sonograde_train.data import BadLabels, assert_no_patient_crosses, read_labels, split_by_patient


def rewrite(folder, change):
    path = folder / "labels.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    change(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_every_bad_row_is_listed_and_nothing_is_read(folder):
    def spoil(rows):
        rows[0]["path"] = "gone.png"
        rows[1]["grade"] = "III"
        rows[2]["roi"] = "0,0,65,64"
        rows[3]["roi"] = "0,0,ten,10"
        rows[4]["t_ms"] = "soon"
        rows[6]["grade"] = "high" if rows[6]["grade"] == "low" else "low"
        rows[8]["mask"] = "gone-mask.png"
        rows[9]["mask"] = "small-mask.png"
        rows[10]["exam_id"] = "e002"

    Image.new("L", (32, 64)).save(folder / "small-mask.png")
    rewrite(folder, spoil)
    with pytest.raises(BadLabels) as refusal:
        read_labels(folder)
    reasons = refusal.value.reasons
    assert len(reasons) == 9
    for part in (
        "line 2: missing file gone.png",
        "line 3: unknown grade",
        "line 4: roi 0,0,65,64 lies outside",
        "line 5: roi",
        "line 6: invalid literal",
        "line 10: missing mask",
        "line 11: mask small-mask.png is 32x64, its picture 64x64",
        "patient p003 has both grades",
        "exam e002 is of several patients: p002, p005",
    ):
        assert any(part in reason for reason in reasons), (part, reasons)


def test_a_picture_that_does_not_decode_is_listed(folder):
    (folder / "p000-000.png").write_bytes(b"not a picture")
    with pytest.raises(BadLabels, match="line 2: cannot identify"):
        read_labels(folder)


def test_a_missing_column_and_a_missing_file_are_named(folder):
    rewrite(folder, lambda rows: [row.pop("roi") for row in rows])
    with pytest.raises(BadLabels, match="header lacks roi"):
        read_labels(folder)
    (folder / "labels.csv").unlink()
    with pytest.raises(BadLabels, match="file not found"):
        read_labels(folder)


def test_no_patient_is_in_both_parts_and_both_grades_are_in_each(folder):
    rows = read_labels(folder)
    training, validation = split_by_patient(rows, 0.34, seed=1)
    assert len(training) + len(validation) == len(rows)
    assert not {row.patient_id for row in training} & {row.patient_id for row in validation}
    assert {row.grade for row in training} == {row.grade for row in validation} == {0, 1}
    assert (training, validation) == split_by_patient(rows, 0.34, seed=1)


def test_a_crossing_patient_is_named(folder):
    rows = read_labels(folder)
    stranger = dataclasses.replace(rows[-1], patient_id=rows[0].patient_id)
    with pytest.raises(ValueError, match=rows[0].patient_id):
        assert_no_patient_crosses(rows[:2], [stranger])


def test_the_time_may_be_before_the_injection_or_unknown_and_the_mask_missing(folder):
    def change(rows):
        rows[0]["t_ms"], rows[1]["t_ms"], rows[1]["mask"] = "-250", "", ""

    rewrite(folder, change)
    rows = read_labels(folder)
    assert [row.t_ms for row in rows[:3]] == [-250, None, 0] and rows[1].mask is None
