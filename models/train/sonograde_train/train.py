"""Trains a RepVGG on a folder of labelled pictures.

An interrupted run goes on where it stopped when the same command is given again. After every epoch
`best.pt` is the best network so far at the largest size reached, ready to be exported.
"""

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from . import cache, metrics
from .augment import augment
from .data import Row, read_labels, split_by_patient
from .guidance import outside_loss
from .repvgg import CLASSES, STRIDE, VARIANTS, Network, build, fuse
from .runtime import scores

EMA_DECAY = 0.995
WARM_UP = 0.05
CHECK_PICTURES = 600
"""Validation pictures looked at after an epoch; `export` looks at all of them."""


@dataclass(frozen=True)
class Settings:
    """What decides the outcome of a run, kept beside it. `stages` are (picture size, epochs)."""

    variant: str
    stages: tuple[tuple[int, int], ...]
    batch: int
    learning_rate: float
    weight_decay: float
    smoothing: float
    guidance: float
    validation_share: float
    seed: int

    @property
    def sizes(self) -> list[int]:
        """The picture size of each epoch."""
        return [size for size, epochs in self.stages for _ in range(epochs)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder with labels.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--cache", type=Path, help="folder for resized pictures (default: OUT/cache)")
    parser.add_argument("--variant", choices=VARIANTS, default="A0")
    parser.add_argument(
        "--stages",
        type=parse_stages,
        default=((128, 10), (224, 4)),
        metavar="SIZE:EPOCHS,…",
        help="picture sizes, the last being the model's own (default 128:10,224:4)",
    )
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--smoothing", type=float, default=0.05, help="of the labels")
    parser.add_argument(
        "--guidance",
        type=float,
        default=0.1,
        help="weight of the loss for evidence outside the lesion masks, 0 for none (default 0.1)",
    )
    parser.add_argument("--validation-share", type=float, default=0.2, help="of the patients")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=run)


def parse_stages(text: str) -> tuple[tuple[int, int], ...]:
    """`128:10,224:4` → ((128, 10), (224, 4))."""
    try:
        stages = tuple((int(size), int(epochs)) for size, epochs in (s.split(":") for s in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected SIZE:EPOCHS,… got {text}") from None
    if any(size < STRIDE or size % STRIDE or epochs < 1 for size, epochs in stages):
        raise argparse.ArgumentTypeError(f"sizes must be multiples of {STRIDE}, epochs at least 1")
    return stages


def run(args: argparse.Namespace) -> None:
    """The `train` command."""
    settings = Settings(
        args.variant,
        args.stages,
        args.batch,
        args.learning_rate,
        args.weight_decay,
        args.smoothing,
        args.guidance,
        args.validation_share,
        args.seed,
    )
    train(args.data, args.out, settings, args.cache or args.out / "cache")


def train(data: Path, out: Path, settings: Settings, cache_folder: Path) -> None:
    """Trains into `out`: settings.json, split.json, last.pt, best.pt, log.jsonl."""
    rows = read_labels(data)
    training, validation = split_by_patient(rows, settings.validation_share, settings.seed)
    out.mkdir(parents=True, exist_ok=True)
    _keep_settings(out, settings)
    split = {
        name: sorted({row.patient_id for row in part})
        for name, part in (("training", training), ("validation", validation))
    }
    (out / "split.json").write_text(json.dumps(split, indent=1))
    checked = validation[:: math.ceil(len(validation) / CHECK_PICTURES)]
    print(
        f"{len(training)} training pictures of {len(split['training'])} patients, "
        f"{len(validation)} validation pictures of {len(split['validation'])} patients"
    )

    trainer = _Trainer(settings, training)
    if (out / "last.pt").exists():
        trainer.restore(torch.load(out / "last.pt", map_location="cpu", weights_only=True))
    for epoch in range(trainer.epoch, len(settings.sizes)):
        size = settings.sizes[epoch]
        loss = trainer.run_epoch(cache.training_views(cache_folder, training, size), size)
        figures = _check(fuse(trainer.ema.module).to(trainer.device), checked, cache_folder, size)
        line = {"epoch": epoch, "size": size, "loss": loss, **figures}
        if size > trainer.best_size or figures["auc"] > trainer.best_auc:
            trainer.best_size, trainer.best_auc = size, figures["auc"]
            _save(
                out / "best.pt",
                {
                    "network": trainer.ema.module.state_dict(),
                    "variant": settings.variant,
                    "size": size,
                    "epoch": epoch,
                },
            )
        _save(out / "last.pt", trainer.state())
        text = json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()})
        with (out / "log.jsonl").open("a") as log:
            log.write(text + "\n")
        print(text, flush=True)


def _check(deploy: Network, rows: list[Row], cache_folder: Path, size: int) -> dict[str, float]:
    """Validation: AUC by picture and by exam, and the pointing game where there are masks."""
    grades = np.array([row.grade for row in rows])
    logits, maps = predict(deploy, cache.input_array(cache_folder, rows, size))
    score = scores(logits, 1.0)
    pointing = metrics.map_figures(grades, maps, cache.input_masks(cache_folder, rows, size // STRIDE))
    return {
        "auc": metrics.auc(grades, score),
        "exam_auc": metrics.auc(*metrics.exam_scores(rows, score)[1:]),
        **{name: value for name, value in pointing.items() if name.startswith("pointing")},
    }


def load_best(run_folder: Path) -> tuple[Network, dict]:
    """The fused network of `best.pt`, and what else the checkpoint says (variant, size, epoch)."""
    checkpoint = torch.load(run_folder / "best.pt", map_location="cpu", weights_only=True)
    network = build(checkpoint["variant"])
    network.load_state_dict(checkpoint.pop("network"))
    return fuse(network.eval()), checkpoint


@torch.no_grad()
def predict(network: Network, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """u8 [n, s, s, 3] → logits [n, 2] and activation maps [n, 2, s/32, s/32], network in eval mode."""
    device, outputs = network.bias.device, []
    for start in tqdm(range(0, len(pictures), 16), desc="float", leave=False, mininterval=5):
        batch = torch.from_numpy(np.array(pictures[start : start + 16])).to(device)
        outputs.append(network(batch.permute(0, 3, 1, 2).float() / 255))
    logits, maps = zip(*outputs)
    return torch.cat(logits).cpu().numpy(), torch.cat(maps).cpu().numpy()


class _Trainer:
    """Network, its moving average, optimizer and randomness: all that a resumed run needs."""

    def __init__(self, settings: Settings, training: list[Row]) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = build(settings.variant).to(self.device)
        self.ema = AveragedModel(self.network, avg_fn=_moving_average, use_buffers=True)
        matrices = [p for p in self.network.parameters() if p.ndim > 1]
        vectors = [p for p in self.network.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
        )
        self.rng = torch.Generator().manual_seed(settings.seed)
        self.grades = torch.tensor([row.grade for row in training])
        count = torch.bincount(self.grades, minlength=len(CLASSES))
        self.class_weights = (len(training) / (len(CLASSES) * count)).to(self.device)
        self.steps_an_epoch = math.ceil(len(training) / settings.batch)
        self.epoch, self.best_size, self.best_auc = 0, 0, 0.0

    def run_epoch(self, views: cache.Views, size: int) -> float:
        """One pass over the training pictures; the mean loss."""
        self.network.train()
        order = torch.randperm(len(self.grades), generator=self.rng).numpy()
        batches = np.array_split(order, self.steps_an_epoch)
        total = 0.0
        progress = tqdm(batches, desc=f"epoch {self.epoch} at {size}px", mininterval=5)
        for step, indices in enumerate(progress):
            indices = np.sort(indices)
            self._set_learning_rate(self.epoch * self.steps_an_epoch + step)
            x, lesion = augment(views.batch(indices), size, self.rng)
            loss = self._step(x.to(self.device), lesion.to(self.device), self.grades[indices].to(self.device))
            total += loss
            progress.set_postfix(loss=f"{total / (step + 1):.4f}", refresh=False)
        self.epoch += 1
        return total / len(batches)

    def _step(self, x: Tensor, lesion: Tensor, grades: Tensor) -> float:
        with torch.autocast(self.device.type, torch.bfloat16):
            logits, activation_map = self.network(x)
        loss = F.cross_entropy(
            logits.float(), grades, self.class_weights, label_smoothing=self.settings.smoothing
        )
        loss = loss + self.settings.guidance * outside_loss(activation_map.float(), lesion)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.ema.update_parameters(self.network)
        return loss.item()

    def _set_learning_rate(self, step: int) -> None:
        """Linear warm-up, then a cosine to zero over the whole run."""
        done = step / (len(self.settings.sizes) * self.steps_an_epoch)
        share = min(1.0, done / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * share

    def state(self) -> dict:
        return {
            "network": self.network.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.get_state(),
            "epoch": self.epoch,
            "best_size": self.best_size,
            "best_auc": self.best_auc,
        }

    def restore(self, state: dict) -> None:
        self.network.load_state_dict(state["network"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])
        self.epoch, self.best_size, self.best_auc = (
            state["epoch"],
            state["best_size"],
            state["best_auc"],
        )
        print(f"resumed after epoch {self.epoch - 1}")


def _moving_average(average: Tensor, value: Tensor, updates: Tensor | int) -> Tensor:
    """Exponential, with a shorter memory in the first steps."""
    decay = min(EMA_DECAY, (1 + int(updates)) / (10 + int(updates)))
    return decay * average + (1 - decay) * value


def _keep_settings(out: Path, settings: Settings) -> None:
    path, text = out / "settings.json", json.dumps(asdict(settings), indent=1)
    if path.exists() and path.read_text() != text:
        raise SystemExit(f"{path} is of a run with other settings: give another --out, or the same settings")
    path.write_text(text)


def _save(path: Path, state: dict) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)
