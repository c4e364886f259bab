#!/usr/bin/env python3
"""Quantizes a model of pixlake to int8 (QDQ, per channel), calibrated on images; writes the .onnx file and its card.

    python3 -m venv venv && venv/bin/pip install onnx onnxruntime numpy pillow
    venv/bin/python lake/models/quantize.py --model lake/models/fashionnet/fashionnet.onnx --images lake/originals/images --out fashionnet-int8.onnx
    npx pixlake models add fashionnet-int8.onnx
"""

import argparse
import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image, ImageOps


def prepare(path, spec):
    """A batch of one image as the card describes it."""
    image = Image.open(path).convert("RGB")
    size = spec["width"], spec["height"]
    if spec["resize"] == "contain":
        image = ImageOps.pad(image, size, Image.Resampling.BICUBIC, color="#ffffff")
    elif spec["resize"] == "cover":
        image = ImageOps.fit(image, size, Image.Resampling.BICUBIC)
    else:
        image = image.resize(size, Image.Resampling.BICUBIC)
    values = np.asarray(image, np.float32)[:, :, :: 1 if spec["colorOrder"] == "RGB" else -1] / 255
    values = (values - np.float32(spec["mean"])) / np.float32(spec["std"])
    return np.ascontiguousarray(values.transpose(2, 0, 1) if spec["layout"] == "NCHW" else values)[None]


class Images(CalibrationDataReader):
    def __init__(self, paths, spec):
        self.batches = iter([{spec["name"]: prepare(path, spec)} for path in paths])

    def get_next(self):
        return next(self.batches, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True, help="folder of images to calibrate on")
    parser.add_argument("--count", type=int, default=32)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    card = json.loads(options.model.with_suffix(".json").read_text(encoding="utf-8"))
    paths = sorted(path for path in options.images.iterdir() if path.is_file())
    chosen = paths[:: max(1, len(paths) // options.count)][: options.count]
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(options.model), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(options.out),
            Images(chosen, card["input"]),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    card.pop("evaluation", None)
    card |= {"name": options.out.stem, "sha256": hashlib.sha256(options.out.read_bytes()).hexdigest()}
    text = json.dumps(card, indent=2, ensure_ascii=False)
    options.out.with_suffix(".json").write_text(f"{text}\n", encoding="utf-8")
    print(f"{options.model.stat().st_size} bytes became {options.out.stat().st_size}")


if __name__ == "__main__":
    main()
