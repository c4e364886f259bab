#!/usr/bin/env python3
"""Trains fashion-tiny on lakes of pixlake and writes fashion-tiny.onnx with its model card.

    python3 -m venv venv && venv/bin/pip install torch numpy pillow onnx onnxscript onnxruntime deltalake
    venv/bin/python lake/models/fashion-tiny/train.py --lake lake --test-lake lake --out lake/models/fashion-tiny

Rows whose id ends in 7 are never trained on: accuracy is measured on those of --test-lake. Further lakes may be named to train on more data.
"""

import argparse
import hashlib
import json
import math
import time
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from deltalake import DeltaTable
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn
from torch.nn import functional as F

HEADS = {
    # Weight of each head's loss: the finer the head, the more it teaches the trunk.
    "masterCategory": 0.5,
    "subCategory": 1.0,
    "articleType": 1.5,
    "baseColour": 1.0,
    "gender": 0.7,
    "season": 0.3,
    "usage": 0.3,
}
SIDE = 80
WIDTHS = (24, 48, 96, 160)
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
LABEL_SMOOTHING = 0.05
MAX_CROP = 0.2  # as a run of pixlake crops by default


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", action="append", required=True, help="lake folder to train on; may be given again")
    parser.add_argument("--test-lake", required=True, help="lake folder whose held-out rows measure the accuracy")
    parser.add_argument("--table", default="images")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--min-count", type=int, default=20, help="labels that are rarer are not learned")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    return parser.parse_args()


def read_lake(lake, table):
    """Rows with a good image, and the images as uint8 [N, SIDE, SIDE, 3]: contained in a white square, as pixlake does."""
    columns = ["id", "image_key", "image_status", *HEADS]
    rows = DeltaTable(f"{lake}/tables/{table}").to_pyarrow_table(columns=columns).to_pylist()
    rows = [row for row in rows if row["image_status"] == "ok"]
    rows.sort(key=lambda row: row["id"])
    pixels = np.full((len(rows), SIDE, SIDE, 3), 255, np.uint8)
    shares = np.empty((len(rows), 2), np.float32)  # of the square that the image fills, across and down
    for index, row in enumerate(rows):
        image = Image.open(f"{lake}/{row['image_key']}").convert("RGB")
        scale = SIDE / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        left, top = (SIDE - width) // 2, (SIDE - height) // 2
        pixels[index, top : top + height, left : left + width] = image.resize((width, height), Image.LANCZOS)
        shares[index] = width / SIDE, height / SIDE
    return rows, pixels, shares


class Block(nn.Sequential):
    def __init__(self, inputs, outputs, stride):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.block = Block(channels, channels, 1)

    def forward(self, x):
        return x + self.block(x)


class FashionTiny(nn.Module):
    """[N, 3, SIDE, SIDE] to the logits of each head and the pooled features [N, 2 * WIDTHS[-1]]."""

    def __init__(self, labels):
        super().__init__()
        a, b, c, d = WIDTHS
        self.trunk = nn.Sequential(
            Block(3, a, 2), Block(a, b, 2), Residual(b), Block(b, c, 2), Residual(c), Block(c, d, 2)
        )
        self.dropout = nn.Dropout(0.1)
        self.heads = nn.ModuleDict({head: nn.Linear(2 * d, len(names)) for head, names in labels.items()})

    def forward(self, x):
        maps = self.trunk(x)
        features = torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)
        return {head: layer(self.dropout(features)) for head, layer in self.heads.items()}, features


class Exported(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        logits, features = self.model(x)
        return (*(logits[head].softmax(1) for head in HEADS), features)


def to_input(pixels):
    mean = torch.tensor(MEAN).view(1, 3, 1, 1) * 255
    std = torch.tensor(STD).view(1, 3, 1, 1) * 255
    return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)


def crop_at_random(pixels, shares):
    """Crops, mirrors and brightens each image [N, 3, SIDE, SIDE] by draws of its own, and contains the crop in a white square again."""
    count = len(pixels)
    kept = 1 - MAX_CROP * torch.rand(count, 2)
    offset = (torch.rand(count, 2) * 2 - 1) * (1 - kept) * shares
    size = shares * kept
    filled = size / size.amax(1, keepdim=True)
    axis = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    across = axis.expand(count, SIDE) / filled[:, :1]
    down = axis.expand(count, SIDE) / filled[:, 1:]
    mirrored = torch.where(torch.rand(count, 1) < 0.5, -1.0, 1.0)
    # Beyond the crop everything is white: coordinates far outside sample the zeros that are white after the shift.
    x = torch.where(across.abs() > 1, 9.0, mirrored * across * size[:, :1] + offset[:, :1])
    y = torch.where(down.abs() > 1, 9.0, down * size[:, 1:] + offset[:, 1:])
    grid = torch.stack([x[:, None, :].expand(count, SIDE, SIDE), y[:, :, None].expand(count, SIDE, SIDE)], 3)
    cropped = F.grid_sample(pixels - 255, grid, align_corners=False) + 255
    return (cropped * (1 + 0.1 * (torch.rand(count, 1, 1, 1) - 0.5))).clamp(0, 255)


def train(model, pixels, shares, targets, options):
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.02)
    steps = len(pixels) // options.batch
    total = steps * options.epochs
    model.train()
    for epoch in range(options.epochs):
        order = torch.randperm(len(pixels))
        started, sum_of_losses = time.time(), 0.0
        for step in range(steps):
            progress = (epoch * steps + step) / total
            warmup = min(1, progress / 0.05)
            for group in optimizer.param_groups:
                group["lr"] = options.rate * warmup * 0.5 * (1 + math.cos(math.pi * progress))
            chosen = order[step * options.batch : (step + 1) * options.batch]
            batch = crop_at_random(pixels[chosen].permute(0, 3, 1, 2).float(), shares[chosen])
            with torch.autocast("cpu", torch.bfloat16):
                logits, _ = model(to_input(batch))
            loss = sum(
                weight
                * F.cross_entropy(
                    logits[head].float(), targets[head][chosen], ignore_index=-1, label_smoothing=LABEL_SMOOTHING
                )
                for head, weight in HEADS.items()
                if (targets[head][chosen] >= 0).any()
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            sum_of_losses += loss.item()
        print(f"epoch {epoch + 1}: loss {sum_of_losses / steps:.3f}, {time.time() - started:.0f} s", flush=True)
    model.eval()


def export(model, path):
    """Writes ONNX whose weights are float16, at which accuracy stays and the file halves."""
    names = [*HEADS, "features"]
    torch.onnx.export(
        Exported(model).eval(),
        (torch.zeros(2, 3, SIDE, SIDE),),
        path,
        input_names=["input"],
        output_names=names,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=18,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    graph = onnx.load(path)
    del graph.metadata_props[:]
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del graph.graph.value_info[:]
    for tensor in [*graph.graph.initializer]:
        if tensor.data_type != TensorProto.FLOAT or math.prod(tensor.dims) < 64:
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{tensor.name}_half")
        graph.graph.initializer.remove(tensor)
        graph.graph.initializer.append(half)
        graph.graph.node.insert(0, helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


def evaluate(path, rows, pixels, labels):
    """Accuracy per head and the most frequent confusions of articleType; a label that was not learned counts as wrong."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    scores = {head: [] for head in HEADS}
    for start in range(0, len(rows), 256):
        batch = to_input(torch.from_numpy(pixels[start : start + 256]).permute(0, 3, 1, 2).float())
        for head, values in zip(HEADS, session.run(list(HEADS), {"input": np.ascontiguousarray(batch.numpy())})):
            scores[head].append(values)
    accuracy, majority, confusions = {}, {}, []
    for head in HEADS:
        known = [index for index, row in enumerate(rows) if row[head] is not None]
        ranked = np.argsort(-np.concatenate(scores[head]), 1)
        actual = [rows[index][head] for index in known]
        guessed = [labels[head][ranked[index][0]] for index in known]
        accuracy[head] = round(float(np.mean([a == g for a, g in zip(actual, guessed)])), 4)
        majority[head] = round(Counter(actual).most_common(1)[0][1] / len(actual), 4)
        if head == "articleType":
            hits = [rows[index][head] in [labels[head][k] for k in ranked[index][:3]] for index in known]
            accuracy["articleType, best three"] = round(float(np.mean(hits)), 4)
            totals = Counter(actual)
            pairs = Counter((a, g) for a, g in zip(actual, guessed) if a != g)
            confusions = [
                {"label": a, "predicted": g, "count": count, "of": totals[a]}
                for (a, g), count in pairs.most_common(10)
            ]
    return {"rows": len(rows), "accuracy": accuracy, "majority": majority, "confusions": confusions}


def card(path, labels, evaluation):
    outputs = [
        {"name": head, "column": head, "kind": "softmax", "labels": labels[head], "topK": min(3, len(labels[head]))}
        for head in HEADS
    ]
    return {
        "name": "fashion-tiny",
        "description": "Small catalogue classifier with seven heads and an embedding, for product shots on white",
        "licence": "Apache-2.0",
        "source": "lake/models/fashion-tiny/train.py on the Kaggle data set Fashion Product Images (Small), MIT licence, and synthetic samples",
        "trained": True,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": {
            "name": "input",
            "width": SIDE,
            "height": SIDE,
            "layout": "NCHW",
            "colorOrder": "RGB",
            "resize": "contain",
            "mean": MEAN,
            "std": STD,
        },
        "batchSize": 16,
        "outputs": [*outputs, {"name": "features", "column": "embedding", "kind": "embedding", "size": 2 * WIDTHS[-1]}],
        "evaluation": evaluation,
    }


def main():
    options = arguments()
    torch.manual_seed(options.seed)
    if options.threads:
        torch.set_num_threads(options.threads)
    lakes = {lake: read_lake(lake, options.table) for lake in {*options.lake, options.test_lake}}
    is_held = lambda row: row["id"] % 10 == 7
    trained_rows, chosen_pixels, chosen_shares = [], [], []
    for lake in options.lake:
        rows, pixels, shares = lakes[lake]
        kept = np.array([index for index, row in enumerate(rows) if not is_held(row)])
        trained_rows += [rows[index] for index in kept]
        chosen_pixels.append(pixels[kept])
        chosen_shares.append(shares[kept])
    labels, targets = {}, {}
    for head in HEADS:
        counts = Counter(row[head] for row in trained_rows)
        labels[head] = sorted(name for name, count in counts.items() if name is not None and count >= options.min_count)
        place = {name: index for index, name in enumerate(labels[head])}
        targets[head] = torch.tensor([place.get(row[head], -1) for row in trained_rows])
    model = FashionTiny(labels).to(memory_format=torch.channels_last)
    print(f"{len(trained_rows)} rows, {sum(p.numel() for p in model.parameters())} weights", flush=True)
    train(
        model,
        torch.from_numpy(np.concatenate(chosen_pixels)),
        torch.from_numpy(np.concatenate(chosen_shares)),
        targets,
        options,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "fashion-tiny.onnx"
    export(model, path)
    rows, pixels, _ = lakes[options.test_lake]
    held = np.array([index for index, row in enumerate(rows) if is_held(row)])
    evaluation = evaluate(path, [rows[index] for index in held], pixels[held], labels)
    text = json.dumps(card(path, labels, evaluation), indent=2, ensure_ascii=False)
    (options.out / "fashion-tiny.json").write_text(f"{text}\n", encoding="utf-8")
    print(json.dumps({"bytes": path.stat().st_size, **evaluation}, indent=2))


if __name__ == "__main__":
    main()
