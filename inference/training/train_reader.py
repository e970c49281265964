"""Trains the plate reader: `python -m inference.training.train_reader --data DIR --fonts DIR --out DIR --minutes 90`.

Resumable like the detector's training. One process renders while another learns.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import time
from pathlib import Path
from queue import Full
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from inference.programs import run
from inference.training.fonts import find_fonts
from inference.training.precision import half_where_fast
from inference.training.reader_data import UNKNOWN, Batch, RealCrop, Samples, load_real, real_view
from inference.training.reader_model import ALPHABET, COLUMNS, NOTHING, ReaderNet
from inference.training.shuffle import Shuffle

BATCH = 64
SAVE_EVERY_S = 240
PEAK_RATE = 1.5e-3
# What a plate looks like as a whole must not take capacity from what stands on it.
FACTS_WEIGHT = 0.3


def produce(
    queue: Any, stop: Any, fonts: list[Path], data: Path | None, seed: int, share: float, weights: Path
) -> None:
    """Runs in a process of its own until `stop` is set.

    `weights` is where the reader in training is saved: it tells where characters stand, better each time.
    """
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    real = load_real(data, "train") if data else []
    shuffle, asked = Shuffle(real), 0.0
    samples = Samples(fonts=fonts, real=real, seed=seed, real_share=share, variants=shuffle)
    while not stop.is_set():
        if real and not shuffle.enough and weights.exists() and (saved := weights.stat().st_mtime) != asked:
            asked = saved
            net = ReaderNet()
            net.load_state_dict(torch.load(weights, weights_only=True)["average"])
            shuffle.ask(net)
        batch = samples.batch(BATCH)
        while not stop.is_set():
            try:
                queue.put(batch, timeout=1)
                break
            except Full:
                continue


def to_input(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(pictures).unsqueeze(1).float() / 255


def loss_of(net: ReaderNet, batch: Batch) -> Tensor:
    """The reading's loss, and a little for the look of the whole plate where it is known."""
    with half_where_fast():
        logits, world, layout = (answer.float() for answer in net.look(to_input(batch.pictures)))
    loss = reading_loss(logits, batch.texts, batch.lower, torch.from_numpy(batch.columns))
    lower = torch.tensor(batch.lower)
    told = lower.ne(UNKNOWN)
    if told.any():
        loss = loss + FACTS_WEIGHT * nn.functional.binary_cross_entropy_with_logits(
            layout[told], lower[told].gt(0).float()
        )
    if (batch.world != UNKNOWN).any():
        truth = torch.from_numpy(batch.world)
        loss = loss + FACTS_WEIGHT * nn.functional.cross_entropy(world, truth, ignore_index=UNKNOWN)
    return loss


def reading_loss(logits: Tensor, texts: list[str], lower: list[int], columns: Tensor) -> Tensor:
    """CTC, each row by itself where the lines are known, over both rows as one where they are not.

    Drawn plates also say which column shows which character: that starts learning at once, where CTC alone first
    answers "nothing" for thousands of steps.
    """
    shares = nn.functional.log_softmax(logits, dim=-1)
    known = [i for i, n in enumerate(lower) if n != UNKNOWN]
    unknown = [i for i, n in enumerate(lower) if n == UNKNOWN]
    parts = []
    if known:
        upper_texts = [texts[i][: len(texts[i]) - lower[i]] for i in known]
        lower_texts = [texts[i][len(texts[i]) - lower[i] :] for i in known]
        parts.append(_ctc(shares[known].transpose(0, 1).flatten(0, 1), upper_texts + lower_texts, COLUMNS))
    if unknown:
        parts.append(_ctc(shares[unknown].flatten(1, 2), [texts[i] for i in unknown], 2 * COLUMNS))
    placed = nn.functional.cross_entropy(logits.flatten(0, 2), columns.flatten(), ignore_index=UNKNOWN)
    return torch.cat(parts).sum() / len(texts) + 10.0 * placed


def _ctc(shares: Tensor, texts: list[str], columns: int) -> Tensor:
    targets = torch.tensor([ALPHABET.index(c) for text in texts for c in text], dtype=torch.long)
    lengths = torch.tensor([len(text) for text in texts])
    return nn.functional.ctc_loss(
        shares.transpose(0, 1),
        targets,
        torch.full((len(texts),), columns),
        lengths,
        blank=NOTHING,
        reduction="none",
        zero_infinity=True,
    )


def decode(logits: Tensor) -> list[str]:
    """Greedy text per sample, without any country's syntax."""
    return ["".join(_line(row) for row in rows) for rows in logits.argmax(-1).tolist()]


def _line(columns: list[int]) -> str:
    pairs = zip([NOTHING, *columns], columns, strict=False)
    return "".join(ALPHABET[code] for before, code in pairs if code not in (before, NOTHING))


@torch.no_grad()
def evaluate(net: ReaderNet, crops: list[RealCrop]) -> dict[str, float]:
    """Whole-plate match on real crops never trained on, per set, O = 0 and I = 1, and the texts' loss, nats a plate."""
    net.eval()
    rng = random.Random(0)
    hits: dict[str, list[bool]] = {}
    places: list[bool] = []
    nats: list[float] = []
    fold = str.maketrans("OQI", "001")
    for start in range(0, len(crops), BATCH):
        part = crops[start : start + BATCH]
        logits, world, _ = net.look(to_input(np.stack([real_view(crop, rng, plain=True) for crop in part])))
        shares = nn.functional.log_softmax(logits, dim=-1).flatten(1, 2)
        # One hopeless plate must not outweigh all others.
        nats += _ctc(shares, [crop.text for crop in part], 2 * COLUMNS).clamp(max=50).tolist()
        for crop, text, place in zip(part, decode(logits), world.argmax(1).tolist(), strict=True):
            if crop.world != UNKNOWN:
                places.append(place == crop.world)
            hits.setdefault(crop.source, []).append(text.translate(fold) == crop.text.translate(fold))
    net.train()
    scores = {f"match_{name}": sum(values) / len(values) for name, values in sorted(hits.items())}
    scores["world"] = sum(places) / max(1, len(places))
    scores["nats"] = sum(nats) / max(1, len(nats))
    return scores | {"match": sum(map(sum, hits.values())) / max(1, sum(map(len, hits.values())))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--fonts", type=Path, required=True, help="folder of @fontsource packages or of .ttf files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--threads", type=int, default=1, help="beside the process that renders")
    parser.add_argument("--real-share", type=float, default=0.5)
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="learning rate after the first steps")
    parser.add_argument("--start", type=Path, help="weights of an earlier run to go on from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1_000_000_000, help="stop after this many more steps (smoke run)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    fonts = find_fonts(options.fonts, options.out / "fonts")
    held_out = load_real(options.data, "val") if options.data else []
    # This memory order trains faster on a processor.
    net, average = (ReaderNet().to(memory_format=torch.channels_last) for _ in range(2))
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=0.02, fused=True)
    checkpoint = options.out / "reader.pt"
    spent, step = 0.0, 0

    def save() -> None:
        saved = {"net": net.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save(saved | {"spent": spent, "step": step}, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").rename(checkpoint)

    if options.start and not checkpoint.exists():
        begun = {key: value.float() for key, value in torch.load(options.start, weights_only=True).items()}
        # Weights from before a head was added leave that head as it begins.
        net.load_state_dict(begun, strict=False)
        average.load_state_dict(net.state_dict())
        save()  # the producing process asks these weights already
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        spent, step = state["spent"], state["step"]
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, from step {step}", flush=True)
    last_step = step + options.steps
    context = multiprocessing.get_context("spawn")
    queue, stop = context.Queue(8), context.Event()
    worker = context.Process(
        target=produce,
        args=(queue, stop, fonts, options.data, options.seed * 1000 + step, options.real_share, checkpoint),
        daemon=True,
    )
    worker.start()
    mark = last_saved = time.monotonic()
    running = 0.0
    try:
        while spent < options.minutes * 60 and step < last_step:
            batch: Batch = queue.get(timeout=300)
            progress = min(1.0, spent / (options.minutes * 60))
            rate = options.rate * min(1.0, (step + 1) / 150) * max(0.01, 0.5 * (1 + math.cos(math.pi * progress)))
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = loss_of(net, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimizer.step()
            step += 1
            decay = min(0.999, step / (step + 100))
            with torch.no_grad():
                for mine, theirs in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
                    if mine.dtype.is_floating_point:
                        mine.lerp_(theirs, 1 - decay)
                    else:
                        mine.copy_(theirs)
            now = time.monotonic()
            spent += now - mark
            mark = now
            running = 0.98 * running + 0.02 * loss.item() if running else loss.item()
            if now - last_saved > SAVE_EVERY_S or spent >= options.minutes * 60 or step == last_step:
                save()
                score = {key: round(value, 4) for key, value in evaluate(average, held_out).items()}
                line = {"step": step, "minutes": round(spent / 60, 1), "loss": round(running, 4), **score}
                print(json.dumps(line), flush=True)
                with (options.out / "reader-log.jsonl").open("a", encoding="utf-8") as log:
                    log.write(json.dumps(line) + "\n")
                mark = last_saved = time.monotonic()
    finally:
        stop.set()
        worker.join(10)
        if worker.is_alive():
            worker.terminate()


if __name__ == "__main__":
    run(main)
