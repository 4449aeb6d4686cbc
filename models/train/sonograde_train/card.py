"""The section `## Figures` of a model card: written by the program, so that it is what was measured."""

import hashlib
import re
from pathlib import Path

from .data import Row

HEADING = "## Figures"

NAMES = {
    "auc": "AUC, by picture",
    "sensitivity": "sensitivity at 0.5",
    "specificity": "specificity at 0.5",
    "accuracy": "accuracy at 0.5",
    "brier": "Brier score",
    "indeterminate": "share indeterminate",
    "accuracy_determinate": "accuracy of the rest",
    "exam_auc": "AUC, by exam (mean score of its pictures)",
    "pointing_game_high": "pointing game, high grade",
    "pointing_game_low": "pointing game, low grade",
    "energy_in_mask_high": "map's positive energy in the lesion, high grade",
    "energy_in_mask_low": "map's positive energy in the lesion, low grade",
    "mask_share_of_roi_high": "lesion's share of the ROI, high grade",
    "mask_share_of_roi_low": "lesion's share of the ROI, low grade",
    "auc_float": "AUC, float",
    "auc_int8": "AUC, int8",
    "mean_score_difference": "mean score difference",
    "map_correlation": "correlation of the maps",
}
"""Figure → what the card calls it, in the order of the card."""


def figures_section(model: Path, rows: list[Row], columns: dict[str, dict], parity: dict) -> str:
    """Markdown: `columns` (int8, float) of figures on `rows`; `parity` of validation and test patients."""
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    patients, exams = ({getattr(row, key) for row in rows} for key in ("patient_id", "exam_id"))
    parts = [
        f"{HEADING}\nOf the file with SHA-256 `{digest}`, on {len(rows)} pictures of {len(exams)} exams of "
        f"{len(patients)} patients that it has never seen (`evaluate`, onnxruntime on a CPU). Brackets: 95 % "
        "interval, bootstrap by patient.",
        _table("test", columns),
    ]
    if parity:
        parts.append(_table("float against int8", parity))
    return "\n\n".join(parts) + "\n"


def _table(corner: str, columns: dict[str, dict]) -> str:
    lines = [f"| {corner} | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for key, name in NAMES.items():
        if any(key in figures for figures in columns.values()):
            lines.append(f"| {name} | {' | '.join(_value(f.get(key)) for f in columns.values())} |")
    return "\n".join(lines)


def _value(value: float | tuple[float, float, float] | None) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "{:.3f} ({:.3f} to {:.3f})".format(*value)
    return f"{value:.3f}"


def replace_figures(card: Path, section: str) -> None:
    """Puts `section` in the place of the card's own; raises SystemExit if it has none."""
    pattern = re.compile(rf"^{HEADING}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    text, count = pattern.subn(lambda _: section + "\n", card.read_text(), count=1)
    if not count:
        raise SystemExit(f'{card} has no heading "{HEADING}" to write under')
    card.write_text(text.rstrip("\n") + "\n")
