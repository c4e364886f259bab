"""pixlake's pre-processing and inference against Python's ONNX Runtime with pre-processing of its own (Pillow), on 200 images: real ones
where PIXLAKE_FASHION_DIR names them, else those of the synthetic sample."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps
from support import FOLDER, Lake, check, finish

IMAGES = 200
# Largest difference of scores, and least share of equal first labels. Pixels reach fashion-tiny as they are; for FashionNet they are enlarged,
# which libraries do differently: what libvips gives lies half a pixel further up and left. Where images are no clothes, scores lie so close
# together that this changes their order.
MODELS = {'fashion-tiny': (1e-3, 0.99), 'fashionnet-small': (0.25, 0.85)}
RESAMPLING = Image.Resampling.BICUBIC


def find_images(lake: Lake) -> list[Path]:
    real = os.environ.get('PIXLAKE_FASHION_DIR')
    if real and (Path(real) / 'images').is_dir():
        return sorted((Path(real) / 'images').glob('*.jpg'))[::7]
    print('SKIPPED: PIXLAKE_FASHION_DIR names no real images; the sample is taken instead', flush=True)
    lake.call('sample', str(FOLDER / 'parity-sample'), '--rows', '300')
    return sorted((FOLDER / 'parity-sample' / 'images').glob('*.jpg'))


def prepare(path: Path, card: dict) -> np.ndarray:
    """The model's input as its card describes it, [3, height, width]."""
    spec = card['input']
    width, height = spec['width'], spec['height']
    image = ImageOps.exif_transpose(Image.open(path)).convert('RGB')
    if spec['resize'] == 'fill':
        image = image.resize((width, height), RESAMPLING)
    else:
        scale = min(width / image.width, height / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        square = Image.new('RGB', (width, height), '#ffffff')
        square.paste(image.resize(size, RESAMPLING), ((width - size[0]) // 2, (height - size[1]) // 2))
        image = square
    values = np.asarray(image, np.float32) / 255
    return ((values - np.float32(spec['mean'])) / np.float32(spec['std'])).transpose(2, 0, 1)


def comparable(path: Path) -> bool:
    """Whether its pixels reach fashion-tiny as they are: with a colour profile pixlake converts to sRGB and Pillow does not, and others are resized."""
    try:
        image = Image.open(path)
        image.convert('RGB')
    except OSError:
        return False
    return 'icc_profile' not in image.info and ImageOps.exif_transpose(image).size == (60, 80)


def compare(lake: Lake, name: str, paths: list[Path], tolerance: float, least: float) -> None:
    card = lake.json('models', 'show', name)
    told = lake.json('models', 'run', *map(str, paths), '--model', name)
    folder = lake.folder if (lake.folder / 'models' / name).is_dir() else Path(__file__).parents[2] / 'lake'
    session = onnxruntime.InferenceSession(str(folder / 'models' / name / f'{name}.onnx'))
    batch = np.stack([prepare(path, card) for path in paths])
    outputs = [output for output in card['outputs'] if output['kind'] != 'embedding']
    results = session.run([output['name'] for output in outputs], {card['input']['name']: batch})
    for output, scores in zip(outputs, results, strict=True):
        labels = output['labels']
        said = [next(p for p in one['predictions'] if p['column'] == output['column']) for one in told]
        # No label is said where none reaches the threshold.
        best = [labels[row.argmax()] if row.max() >= output['threshold'] else None for row in scores]
        agreed = np.mean([one == next(iter(p['labels']), None) for one, p in zip(best, said, strict=True)])
        place = {label: index for index, label in enumerate(labels)}
        largest = max(
            abs(float(row[place[label]]) - score)
            for row, p in zip(scores, said, strict=True)
            for label, score in zip(p['labels'], p['scores'], strict=True)
        )
        words = f'{name} {output["column"]}: top-1 agrees on {100 * agreed:.1f} % of {len(paths)}, scores differ by {largest:.2e} at most'
        with check(words):
            assert agreed >= least, agreed
            assert largest <= tolerance, largest


lake = Lake('parity')
paths = [path for path in find_images(lake) if comparable(path)][:IMAGES]
with check(f'{len(paths)} images'):
    assert len(paths) == IMAGES
for model, (allowed, least) in MODELS.items():
    with check(f'{model} runs in both'):
        compare(lake, model, paths, allowed, least)
finish()
