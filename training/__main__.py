"""Command line of the training code: ``python -m training --help``."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from training import corpus, data, tokenizer
from training.evaluate import evaluate as evaluate_model
from training.infilling import evaluate_infilling
from training.model import CONTEXT
from training.train import Run, Settings

HERE = Path(__file__).parent
MODEL = HERE.parent / "mgd" / "models" / "python"
SAMPLE_CHARACTERS = 40_000_000

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Train the bundled model.")
Work = Annotated[Path, typer.Option(help="Folder for downloads, corpus and checkpoints.")]
Model = Annotated[Path, typer.Option(help="Folder of the exported model.")]
Device = Annotated[str, typer.Option(help="Torch device.")]


def _download(names: list[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    for name in names:
        command = [sys.executable, "-m", "pip", "download", *options, name]
        if subprocess.run(command, check=False).returncode:
            typer.echo(f"no wheel of {name}, left out", err=True)


@app.command()
def download(work: Work) -> None:
    """Download the wheels named in packages.txt, and the held-out ones."""
    _download((HERE / "packages.txt").read_text().split(), work / "wheels")
    held_out = [f"{name}=={version}" for name, version in corpus.HELD_OUT.items()]
    _download(held_out, work / "held_out")


@app.command("corpus")
def make_corpus(work: Work) -> None:
    """Filter and de-duplicate the sources; writes sources.csv beside this module."""
    wheels = [path for path in (work / "wheels").glob("*.whl") if zipfile.is_zipfile(path)]
    library = Path(zipfile.__file__).parent
    corpus.build(wheels, library, work / "held_out", work / "corpus", HERE / "sources.csv")


@app.command("tokenizer")
def make_tokenizer(work: Work, model: Model = MODEL) -> None:
    """Train the tokenizer, save it with the model, and encode the corpus."""
    path = work / "corpus" / "train.jsonl"
    texts = (text for _, text in corpus.read_documents(path))
    trained = tokenizer.train(tokenizer.take_characters(texts, SAMPLE_CHARACTERS))
    tokenizer.save(trained, model, CONTEXT)
    texts = (text for _, text in corpus.read_documents(path))
    count = data.encode_corpus(texts, trained, work / "corpus")
    typer.echo(f"{count} tokens")


@app.command()
def train(
    work: Work,
    model: Model = MODEL,
    minutes: Annotated[float, typer.Option(help="Wall-clock budget.")] = Settings.minutes,
    resume: Annotated[bool, typer.Option(help="Continue from the checkpoint.")] = False,
    device: Device = "cpu",
) -> None:
    """Train for a given time; checkpoints, exports and logs on the way."""
    run = Run(Settings(minutes=minutes), work / "corpus", model, device)
    checkpoint = work / "checkpoint.pt"
    if resume:
        run.resume(checkpoint)
    run.train(checkpoint)


@app.command()
def evaluate(
    work: Work,
    model: Model = MODEL,
    stride: Annotated[int, typer.Option(help="Tokens between windows.")] = CONTEXT // 2,
    device: Device = "cpu",
) -> None:
    """Print bits per byte of the exported model on the held-out packages."""
    held_out = work / "corpus" / "held_out.jsonl"
    typer.echo("| group | bytes | tokens | bits per byte |\n|---|---:|---:|---:|")
    for group, score in evaluate_model(model, held_out, stride, device).items():
        typer.echo(f"| {group} | {score.size} | {score.tokens} | {score.bits_per_byte:.4f} |")


@app.command()
def infilling(
    work: Work,
    model: Model = MODEL,
    count: Annotated[int, typer.Option(help="Number of cuts.")] = 1000,
) -> None:
    """Print bits per byte of the rest of a line, for each layout of the prompt."""
    held_out = work / "corpus" / "held_out.jsonl"
    typer.echo("| prompt | bits per byte of the middle |\n|---|---:|")
    for layout, bits in evaluate_infilling(model, held_out, count).items():
        typer.echo(f"| {layout} | {bits:.3f} |")


if __name__ == "__main__":
    app()
