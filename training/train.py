"""The training loop, scheduled by wall-clock time so that a run ends when it should."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from training.data import Batches
from training.model import Trainee, build_model, export
from training.optimizer import build_optimizers
from training.tokenizer import load


@dataclass(frozen=True)
class Settings:
    """What a run depends on; times are in minutes, lengths in tokens."""

    minutes: float = 100.0
    hidden: int = 256
    layers: int = 6
    ffn: int = 768
    batch_tokens: int = 8192
    muon_lr: float = 0.02
    adam_lr: float = 0.004
    weight_decay: float = 0.0
    fim_rate: float = 0.5
    warmup: float = 0.01
    decay: float = 0.45
    # Row length from each share of the run on: short rows are cheaper and do for the start.
    lengths: tuple[tuple[float, int], ...] = ((0.0, 256), (0.35, 512), (0.72, 1024))
    seed: int = 0
    threads: int = 2
    compiled: bool = True
    save_minutes: float = 5.0
    export_minutes: float = 15.0


def learning_rate_factor(progress: float, settings: Settings) -> float:
    """Share of the peak learning rate at a share of the run: warm-up, constant, linear decay."""
    rising = progress / settings.warmup if settings.warmup else 1.0
    falling = (1.0 - progress) / settings.decay if settings.decay else 1.0
    return max(0.0, min(1.0, rising, falling))


def row_length(progress: float, settings: Settings) -> int:
    """Length of rows, in tokens, at a share of the run."""
    return [length for start, length in settings.lengths if progress >= start][-1]


class Run:
    """A training run: its model, optimisers and counters, which a checkpoint holds."""

    def __init__(self, settings: Settings, data: Path, model_folder: Path, device: str) -> None:
        torch.manual_seed(settings.seed)
        if device == "cpu":
            torch.set_num_threads(settings.threads)
        self.settings = settings
        self.step = 0
        self.tokens = 0
        self.elapsed = 0.0
        self._device = device
        self._data = data
        self._export_folder = model_folder
        with torch.device(device):
            self.model = build_model(settings.hidden, settings.layers, settings.ffn)
        self._trainee = Trainee(self.model, compiled=settings.compiled)
        self._optimizers = build_optimizers(
            self.model, settings.muon_lr, settings.adam_lr, settings.weight_decay
        )

    @property
    def progress(self) -> float:
        """Share of the time budget that is spent."""
        return self.elapsed / (60 * self.settings.minutes)

    def save(self, path: Path) -> None:
        """Write a checkpoint, replacing the last one in one step."""
        state = {
            "settings": asdict(self.settings),
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self._optimizers],
            "counters": (self.step, self.tokens, self.elapsed),
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, path)

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint; the order of documents is drawn anew."""
        state = torch.load(path, map_location=self._device, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.tokens, self.elapsed = state["counters"]

    def train_step(self, batches: Batches) -> float:
        """Take one step and return its loss in nats per token."""
        factor = learning_rate_factor(self.progress, self.settings)
        length = row_length(self.progress, self.settings)
        batch = batches.batch(self.settings.batch_tokens // length, length).to(self._device)
        loss = self._trainee.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += self.settings.batch_tokens
        return loss.item()

    def train(self, checkpoint: Path) -> None:
        """Train until the time is spent; save, export and log on the way and at the end."""
        settings = self.settings
        batches = Batches(
            self._data, load(self._export_folder), settings.fim_rate, settings.seed + self.step
        )
        begun = time.monotonic() - self.elapsed
        saved = exported = self.elapsed
        average = 0.0
        first_step, first_elapsed = self.step, self.elapsed
        while self.progress < 1.0:
            loss = self.train_step(batches)
            self.elapsed = time.monotonic() - begun
            average = loss if self.step == first_step + 1 else 0.95 * average + 0.05 * loss
            if self.step % 20 == 0 or self.step < 5:
                rate = (self.step - first_step) / (self.elapsed - first_elapsed)
                print(
                    f"step {self.step} loss {average:.4f} tokens {self.tokens / 1e6:.2f}M "
                    f"minutes {self.elapsed / 60:.2f} "
                    f"tok/s {rate * settings.batch_tokens:.0f}",
                    flush=True,
                )
            if self.elapsed - saved > 60 * settings.save_minutes:
                self.save(checkpoint)
                saved = self.elapsed
            # The first export comes early: others can develop against an untrained shape.
            wait = settings.export_minutes if exported else min(2.0, settings.export_minutes)
            if self.elapsed - exported > 60 * wait:
                export(self.model, self._export_folder)
                exported = self.elapsed
        self.save(checkpoint)
        export(self.model, self._export_folder)
