#!/usr/bin/env python3
"""Trains FashionNet at a sixteenth of its width on a lake of pixlake and writes fashionnet-small.onnx with its model card.

    pixlake ingest styles.csv --images images --lake lake     # Kaggle: Fashion Product Images (Small)
    python3 -m venv venv && venv/bin/pip install torch numpy pillow onnx onnxruntime deltalake pyarrow
    venv/bin/python lake/models/fashionnet-small/train.py --lake lake --out lake/models/fashionnet-small

The layers are those of src/model/fashionnet/fashionnet.ts. In training most of them are normalised over their batch, which is folded into
their weights at the end. The catalogue has no landmarks, so the landmark branch is untrained: its layers are there, and whatever they
see, `loc` gives eight fixed points. A square of the map around each is pooled, and what follows is trained.

Products are held out whole: rows with the same title, whatever its colours and numbers, or with nearly the same image are
all trained on or all held out. Every figure of the card is measured on held-out rows with the file that is written. Two things were
chosen by them: the penalty of the baseline, in its favour, and that the last epochs show images in a white square, as runs do.

It takes half an hour of one core. With --checkpoint, a run that was stopped goes on after its last epoch.
"""

import argparse
import hashlib
import json
import math
import re
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

# The 50 categories in the order of the DeepFashion benchmark.
CATEGORIES = (
    "Anorak Blazer Blouse Bomber Button-Down Cardigan Flannel Halter Henley Hoodie Jacket Jersey Parka Peacoat Poncho "
    "Sweater Tank Tee Top Turtleneck Capris Chinos Culottes Cutoffs Gauchos Jeans Jeggings Jodhpurs Joggers Leggings "
    "Sarong Shorts Skirt Sweatpants Sweatshorts Trunks Caftan Cape Coat Coverup Dress Jumpsuit Kaftan Kimono Nightdress "
    "Onesie Robe Romper Shirtdress Sundress"
).split()

# The category of DeepFashion that an articleType is, or comes nearest to.
MAPPING = {
    "Baby Dolls": "Nightdress",
    "Bath Robe": "Robe",
    "Blazers": "Blazer",
    "Camisoles": "Tank",
    "Capris": "Capris",
    "Dresses": "Dress",
    "Innerwear Vests": "Tank",
    "Jackets": "Jacket",
    "Jeans": "Jeans",
    "Jeggings": "Jeggings",
    "Jumpsuit": "Jumpsuit",
    "Leggings": "Leggings",
    "Lounge Shorts": "Shorts",
    "Lounge Tshirts": "Tee",
    "Nightdress": "Nightdress",
    "Rain Jacket": "Anorak",
    "Robe": "Robe",
    "Rompers": "Romper",
    "Shirts": "Button-Down",
    "Shorts": "Shorts",
    "Shrug": "Cardigan",
    "Skirts": "Skirt",
    "Sweaters": "Sweater",
    "Sweatshirts": "Hoodie",
    "Tights": "Leggings",
    "Tops": "Top",
    "Track Pants": "Sweatpants",
    "Trousers": "Chinos",
    "Tshirts": "Tee",
    "Tunics": "Blouse",
}
# Other clothes (kurtas, sarees, bras, briefs and more; the card lists them) have no counterpart: no category is learned from them
# or judged on them, attributes are. Trunk is left out too: it is underwear here, and swimwear in DeepFashion.

# Attributes, and what says in a title that a product has one.
ATTRIBUTES = {
    "beige": r"beige",
    "black": r"black",
    "blue": r"blue",
    "brown": r"brown",
    "charcoal": r"charcoal",
    "cream": r"cream|off[ -]white",
    "green": r"green",
    "grey": r"gr[ea]y",
    "khaki": r"khaki",
    "lavender": r"lavender",
    "magenta": r"magenta",
    "maroon": r"maroon|burgundy|wine",
    "multicolored": r"multi(?:[ -]?colou?r(?:ed)?)?",
    "mustard": r"mustard",
    "navy": r"navy",
    "olive": r"olive",
    "orange": r"orange",
    "peach": r"peach",
    "pink": r"pink",
    "purple": r"purple",
    "red": r"red",
    "rust": r"rust",
    "teal": r"teal",
    "turquoise": r"turquoise",
    "white": r"(?<!off )(?<!off-)white",
    "yellow": r"yellow",
    "checked": r"check(?:s|ed)?|gingham",
    "floral": r"floral|flowers?",
    "graphic": r"graphic",
    "logo": r"logo",
    "melange": r"melange",
    "polka dot": r"polka|dots?",
    "printed": r"print(?:s|ed)?",
    "solid": r"solid|plain",
    "striped": r"strip(?:es?|ed)",
    "washed": r"wash(?:ed)?",
    "cotton": r"cotton",
    "crepe": r"crepe",
    "denim": r"denim",
    "fleece": r"fleece",
    "knit": r"knit(?:ted)?",
    "lace": r"lace",
    "pique": r"pique",
    "silk": r"silk",
    "stretch": r"stretch",
    "woven": r"woven",
    "bikini": r"bikini",
    "boxer": r"boxers?",
    "crew neck": r"crew(?:[ -]?neck)?",
    "hooded": r"hood(?:ed|ie)?",
    "long sleeve": r"(?:full|long)[ -]sleeved?s?",
    "polo": r"polo(?! assn)",
    "reversible": r"reversible",
    "round neck": r"round[ -]?neck",
    "skinny": r"skinny",
    "sleeveless": r"sleeveless",
    "slim fit": r"slim(?:[ -]?fit)?",
    "v-neck": r"v[ -]?neck",
    "casual": r"casual",
    "football": r"football|soccer",
    "formal": r"formal",
    "lounge": r"lounge",
    "sports": r"sports?",
    "training": r"training|trainng",
    "yoga": r"yoga",
}
COLOURS = (
    "aqua beige black blue brown burgundy charcoal color colored colour coloured coral cream dark gold golden gray green grey khaki "
    "lavender light lime magenta maroon mauve multi multicolor multicolored multicolour multicoloured mustard navy nude off olive orange "
    "peach pink purple red rose rust silver sky teal turquoise violet white wine yellow"
).split()

WIDTH_DIVISOR = 16
ATTRIBUTE_COUNT = 1000
SIDE = 224
STORED_SIDE = 112  # the images are 60x80; those that are trained on are kept at this size
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
MAX_CROP = 0.2  # as a run of pixlake crops by default
CONTAINED = 0.75  # share of images in the last epochs that lie in a white square, as runs write them; the others are stretched
HELD_OUT_PERCENT = 15
SAME_IMAGE = 2.0  # root mean square difference of 8x8 thumbnails, of 255
MIN_POSITIVES = 10  # held-out rows that an attribute or category needs to be judged alone
NEVER = -12.0  # bias of attributes that are not learned: their score is 0.000006

# Landmarks as cells of the 28x28 map, across and down: boxes of 7x7 cells around them, side by side.
LANDMARKS = [(x, y) for y in (3, 10, 17, 24) for x in (9, 18)]
RADIUS, BINS, PIXELS_PER_CELL = 3, 3, 16


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", required=True, help="lake folder with the catalogue")
    parser.add_argument("--table", default="images")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=10, help="epochs in which images are stretched to the input")
    parser.add_argument("--last-epochs", type=int, default=4, help="epochs after them, in which most lie in a white square")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--min-count", type=int, default=20, help="attributes in fewer titles are not learned")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="more help on an idle machine only")
    parser.add_argument("--checkpoint", type=Path, help="file that keeps the state after each epoch, to go on from")
    return parser.parse_args()


def read_lake(lake, table):
    """The clothes of a lake with a good image, by id, and their images."""
    columns = ["id", "image_key", "image_status", "masterCategory", "articleType", "productDisplayName"]
    rows = DeltaTable(f"{lake}/tables/{table}").to_pyarrow_table(columns=columns).to_pylist()
    rows = [row for row in rows if row["image_status"] == "ok" and row["masterCategory"] == "Apparel"]
    rows.sort(key=lambda row: row["id"])
    return rows, [Image.open(f"{lake}/{row['image_key']}").convert("RGB") for row in rows]


def resized(images, side, resample=Image.Resampling.BICUBIC):
    """Images as uint8 [N, side, side, 3], stretched to a square."""
    pixels = np.empty((len(images), side, side, 3), np.uint8)
    for index, image in enumerate(images):
        pixels[index] = image.resize((side, side), resample)
    return pixels


def contained(images, side):
    """Images as uint8 [N, side, side, 3], in the middle of a white square, as pixlake does."""
    pixels = np.full((len(images), side, side, 3), 255, np.uint8)
    for index, image in enumerate(images):
        width, height = (max(1, round(side * share)) for share in shares_of(image))
        left, top = (side - width) // 2, (side - height) // 2
        pixels[index, top : top + height, left : left + width] = image.resize((width, height), Image.Resampling.BICUBIC)
    return pixels


def shares_of(image):
    """Of a square around it, what an image fills across and down."""
    return image.width / max(image.size), image.height / max(image.size)


def product_of(title):
    """What titles of the same product share: its words without colours and numbers, in any order."""
    words = set(re.findall("[a-z]+", (title or "").lower().replace("'", ""))).difference(COLOURS)
    return " ".join(sorted(words))


def group_products(rows, thumbnails):
    """A name of the product for each row: rows share it that share a title or have nearly the same image, and so on from row to row."""
    parents = list(range(len(rows)))

    def root(index):
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    first = {}
    for index, row in enumerate(rows):
        title = product_of(row["productDisplayName"]) or f"id {row['id']}"
        parents[root(index)] = root(first.setdefault(title, index))
    flat = torch.from_numpy(thumbnails.reshape(len(rows), -1)).float()
    limit = SAME_IMAGE * math.sqrt(flat.shape[1])
    for start in range(0, len(rows), 1024):
        distances = torch.cdist(flat[start : start + 1024], flat)
        for index, other in (distances < limit).nonzero().tolist():
            parents[root(start + index)] = root(other)
    members = {}
    for index, row in enumerate(rows):
        members.setdefault(root(index), []).append(row)
    names = {key: min(str(row["id"]) for row in group) for key, group in members.items()}
    return [names[root(index)] for index in range(len(rows))]


def is_held_out(product):
    return int(hashlib.sha256(product.encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


def attributes_of(title):
    return [name for name, words in ATTRIBUTES.items() if re.search(rf"\b(?:{words})\b", (title or "").lower())]


def width(published):
    return max(1, round(published / WIDTH_DIVISOR))


# Scope and widths of the convolutions, in the order in which they run. conv5 is shared by both branches, as published.
CONVOLUTIONS = [("conv1", 64, 2), ("conv2", 128, 2), ("conv3", 256, 3), ("conv4", 512, 3), ("conv5_pose", 512, 3)]
CHANNELS = width(512)
FEATURES = CHANNELS * (SIDE // 32) ** 2
LOCAL_FEATURES = len(LANDMARKS) * CHANNELS * BINS**2
POSE_WIDTH, GLOBAL_WIDTH = width(1024), width(4096)


class Plain(nn.Conv2d):
    """A convolution with ReLU that is not normalised: on the largest maps that would take a third of the time."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, 3, padding=1)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        nn.init.zeros_(self.bias)

    def folded(self):
        return self.weight, self.bias


class Normalised(nn.Module):
    """A layer without bias, normalised over the batch; `folded` gives weights and biases that do the same."""

    def __init__(self, layer, norm):
        super().__init__()
        self.layer, self.norm = layer, norm

    def forward(self, x):
        return self.norm(self.layer(x))

    def folded(self):
        scale = self.norm.weight / (self.norm.running_var + self.norm.eps).sqrt()
        weight = self.layer.weight * scale.view(-1, *[1] * (self.layer.weight.dim() - 1))
        return weight, self.norm.bias - self.norm.running_mean * scale


def convolution(scope, inputs, outputs):
    if scope in ("conv1", "conv2"):
        return Plain(inputs, outputs)
    return Normalised(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs))


def dense(inputs, outputs):
    return Normalised(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs))


class FashionNet(nn.Module):
    """[N, 3, 224, 224] to the logits of the attributes that are learned and of the categories."""

    def __init__(self, attribute_count):
        super().__init__()
        inputs = 3
        self.convolutions = nn.ModuleDict()
        for scope, published, count in CONVOLUTIONS:
            for number in range(1, count + 1):
                self.convolutions[f"{scope}_{number}"] = convolution(scope, inputs, width(published))
                inputs = width(published)
        self.fc6_local = dense(LOCAL_FEATURES, POSE_WIDTH)
        self.fc6_global = dense(FEATURES, GLOBAL_WIDTH)
        self.dropout = nn.Dropout(0.3)
        self.massive_attr = nn.Linear(POSE_WIDTH + GLOBAL_WIDTH, attribute_count)
        self.categories = nn.Linear(POSE_WIDTH + GLOBAL_WIDTH, len(CATEGORIES))
        # Most answers are no.
        nn.init.constant_(self.massive_attr.bias, -4)
        nn.init.constant_(self.categories.bias, -4)

    def forward(self, x):
        local = None
        for scope, _, count in CONVOLUTIONS:
            for number in range(1, count):
                x = F.relu(self.convolutions[f"{scope}_{number}"](x))
            x = self.convolutions[f"{scope}_{count}"](x)
            if scope == "conv4":
                local = pool_around_landmarks(F.relu(x))
            # In the file ReLU comes first, which gives the same and takes longer.
            x = F.relu(F.max_pool2d(x, 2))
        local = F.leaky_relu(self.fc6_local(local))
        whole = F.leaky_relu(self.fc6_global(self.dropout(x.flatten(1))))
        fused = self.dropout(torch.cat([local, whole], 1))
        return self.massive_attr(fused), self.categories(fused)


def pool_around_landmarks(cells):
    boxes = [
        F.adaptive_max_pool2d(cells[:, :, y - RADIUS : y + RADIUS + 1, x - RADIUS : x + RADIUS + 1], BINS)
        for x, y in LANDMARKS
    ]
    return torch.stack(boxes, 1).flatten(1)


def to_input(pixels):
    mean = torch.tensor(MEAN).view(1, 3, 1, 1) * 255
    std = torch.tensor(STD).view(1, 3, 1, 1) * 255
    return (pixels - mean) / std


def crop_at_random(pixels, shares, contained_share):
    """
    The input of a batch [N, 3, H, W]: each image is brightened, cropped and mirrored by draws of its own. The crop is stretched, or with
    the chance `contained_share` put into a white square.
    """
    count = len(pixels)
    brightened = (pixels * (1 + 0.1 * (torch.rand(count, 1, 1, 1) - 0.5))).clamp(0, 255)
    kept = 1 - MAX_CROP * torch.rand(count, 2)
    offset = (torch.rand(count, 2) * 2 - 1) * (1 - kept)
    mirrored = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    filled = torch.ones(count, 2)
    white = torch.zeros(1, 3, 1, 1)
    if contained_share > 0:
        size = shares * kept
        is_contained = torch.rand(count, 1) < contained_share
        filled = torch.where(is_contained, size / size.amax(1, keepdim=True), filled)
        white = to_input(torch.full((1, 3, 1, 1), 255.0))
    across = interpolation(kept[:, 0] * mirrored, offset[:, 0], filled[:, 0], pixels.shape[3])
    down = interpolation(kept[:, 1], offset[:, 1], filled[:, 1], pixels.shape[2])
    # Outside of the crop nothing contributes, so that there it is white.
    inputs = (to_input(brightened) - white).bfloat16()
    cropped = down[:, None].bfloat16() @ inputs @ across[:, None].transpose(2, 3).bfloat16() + white.bfloat16()
    return cropped.contiguous(memory_format=torch.channels_last)


def interpolation(kept, offset, filled, size):
    """
    What each of `size` pixels contributes to each of SIDE pixels of the input, [N, SIDE, size]. The crop, by its share and its middle
    between -1 and 1, fills the middle of the input.
    """
    middles = ((torch.arange(SIDE) + 0.5) / SIDE * 2 - 1) / filled[:, None]
    places = ((middles * kept[:, None] + offset[:, None] + 1) * size - 1) / 2
    shares = (1 - (places.clamp(0, size - 1)[:, :, None] - torch.arange(size)).abs()).clamp(min=0)
    return shares * (middles.abs() <= 1)[:, :, None]


def loss_of(attribute_logits, category_logits, attributes, categories):
    """Yes or no for each attribute and category, and which category; rows of no category teach attributes only."""
    loss = F.binary_cross_entropy_with_logits(attribute_logits, attributes, reduction="sum") / len(attributes)
    known = categories >= 0
    if not known.any():
        return loss
    logits, wanted = category_logits[known], categories[known]
    of_each = F.one_hot(wanted, len(CATEGORIES)).float()
    loss = loss + F.binary_cross_entropy_with_logits(logits, of_each, reduction="sum") / len(wanted)
    return loss + F.cross_entropy(logits, wanted, label_smoothing=0.05)


def train(model, pixels, shares, attributes, categories, options):
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.03)
    steps = len(pixels) // options.batch
    begun = 0
    if options.checkpoint is not None and options.checkpoint.exists():
        state = torch.load(options.checkpoint)
        begun = state["epochs"]
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
    model.train()
    for epoch in range(begun, options.epochs + options.last_epochs):
        is_last = epoch >= options.epochs
        rate = options.rate / 2 if is_last else options.rate
        first, epochs = (options.epochs, options.last_epochs) if is_last else (0, options.epochs)
        order = torch.randperm(len(pixels))
        started, sum_of_losses = time.time(), 0.0
        for step in range(steps):
            progress = ((epoch - first) * steps + step) / (steps * epochs)
            warmup = min(1, progress / 0.05)
            for group in optimizer.param_groups:
                group["lr"] = rate * warmup * 0.5 * (1 + math.cos(math.pi * progress))
            chosen = order[step * options.batch : (step + 1) * options.batch]
            images = pixels[chosen].permute(0, 3, 1, 2).float().contiguous()
            batch = crop_at_random(images, shares[chosen], CONTAINED if is_last else 0)
            with torch.autocast("cpu", torch.bfloat16):
                attribute_logits, category_logits = model(batch)
            loss = loss_of(attribute_logits.float(), category_logits.float(), attributes[chosen], categories[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            sum_of_losses += loss.item()
        print(f"epoch {epoch + 1}: loss {sum_of_losses / steps:.3f}, {time.time() - started:.0f} s", flush=True)
        if options.checkpoint is not None:
            state = {
                "epochs": epoch + 1,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "random": torch.get_rng_state(),
            }
            torch.save(state, options.checkpoint)
    model.eval()


def weights_of(model):
    """Weights and biases by the names of pixlake's layers."""
    with torch.no_grad():
        layers = {name: layer.folded() for name, layer in model.convolutions.items()}
        layers["fc6_local"] = model.fc6_local.folded()
        layers["fc6_global"] = model.fc6_global.folded()
        fused = POSE_WIDTH + GLOBAL_WIDTH
        learned = len(model.massive_attr.bias)
        attributes = torch.zeros(ATTRIBUTE_COUNT, fused), torch.full((ATTRIBUTE_COUNT,), NEVER)
        attributes[0][:learned], attributes[1][:learned] = model.massive_attr.weight, model.massive_attr.bias
        layers["massive_attr_logits"] = attributes
        layers["categories_logits"] = model.categories.weight, model.categories.bias
    # The landmark branch is untrained: whatever it sees, its last layer gives the middles of the fixed cells.
    layers["fc6_pose"] = torch.zeros(POSE_WIDTH, FEATURES), torch.zeros(POSE_WIDTH)
    layers["fc7_pose"] = torch.zeros(POSE_WIDTH, POSE_WIDTH), torch.zeros(POSE_WIDTH)
    points = torch.tensor(LANDMARKS).flatten() * PIXELS_PER_CELL + PIXELS_PER_CELL / 2
    layers["loc"] = torch.zeros(2 * len(LANDMARKS), POSE_WIDTH), points
    return {
        f"{name}.{part}": values.detach().numpy().astype(np.float32)
        for name, layer in layers.items()
        for part, values in zip(("weight", "bias"), layer)
    }


def export(model, path):
    """Writes the graph of src/model/fashionnet/fashionnet.ts, with weights as float16, at which accuracy stays and the file halves."""
    nodes, tensors = [], []

    def op(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(name, values, kind):
        tensors.append(numpy_helper.from_array(np.array(values, kind), name))
        return name

    def layer(kind, name, value, output, **attributes):
        return op(kind, [value, f"{name}.weight", f"{name}.bias"], output, **attributes)

    weights = weights_of(model)
    for name, values in weights.items():
        if values.size < 64:
            constant(name, values, np.float32)
        else:
            op("Cast", [constant(f"{name}_half", values, np.float16)], name, to=TensorProto.FLOAT)

    value, conv4 = "input", ""
    for scope, _, count in CONVOLUTIONS:
        for number in range(1, count + 1):
            name = f"{scope}_{number}"
            shape = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]}
            value = op("Relu", [layer("Conv", name, value, f"{name}_sum", **shape)], name)
        conv4 = value if scope == "conv4" else conv4
        value = op("MaxPool", [value], scope.replace("conv", "pool"), kernel_shape=[2, 2], strides=[2, 2])
    features = op("Flatten", [value], "features_pose", axis=1)

    def leaky(name, value):
        return op("LeakyRelu", [layer("Gemm", name, value, f"{name}_sum", transB=1)], name, alpha=0.01)

    pose = leaky("fc7_pose", leaky("fc6_pose", features))
    landmarks = layer("Gemm", "loc", pose, "loc", transB=1)
    points = op("Reshape", [landmarks, constant("point_shape", [-1, 2], np.int64)], "points")
    cells = op("Div", [points, constant("landmark_stride", PIXELS_PER_CELL, np.float32)], "cells")
    magnitude = op("Floor", [op("Abs", [cells], "abs")], "magnitude")
    centre = op("Mul", [op("Sign", [cells], "sign"), magnitude], "centre")
    radius = constant("radius", RADIUS, np.float32)
    bounds = [constant("first_cell", 0, np.float32), constant("last_cell", SIDE // 8 - 1, np.float32)]
    low, high = op("Sub", [centre, radius], "low"), op("Add", [centre, radius], "high")
    corners = [op("Clip", [low, *bounds], "top_left"), op("Clip", [high, *bounds], "bottom_right")]
    zero = constant("zero", 0, np.int64)
    count = op("Gather", [op("Shape", [points], "points_shape"), zero], "box_count", axis=0)
    boxes = op("Range", [zero, count, constant("one", 1, np.int64)], "box_index")
    image = op("Div", [boxes, constant("landmark_count", len(LANDMARKS), np.int64)], "image_index")
    image = op("Cast", [image], "image_index_float", to=TensorProto.FLOAT)
    column = op("Unsqueeze", [image, constant("last_axis", [1], np.int64)], "image_column")
    regions = op("Concat", [column, *corners], "regions", axis=1)
    pooled = op("MaxRoiPool", [conv4, regions], "pooled", pooled_shape=[BINS, BINS])
    local = op("Reshape", [pooled, constant("local_shape", [-1, LOCAL_FEATURES], np.int64)], "local")
    fused = op("Concat", [leaky("fc6_local", local), leaky("fc6_global", features)], "fused", axis=1)
    outputs = {"massive_attr": ATTRIBUTE_COUNT, "categories": len(CATEGORIES)}
    for name in outputs:
        op("Sigmoid", [layer("Gemm", f"{name}_logits", fused, f"{name}_logits", transB=1)], name)

    def described(name, *dims):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *dims])

    graph = helper.make_graph(
        nodes,
        "fashionnet_vgg16",
        [described("input", 3, SIDE, SIDE)],
        [described(name, size) for name, size in outputs.items()],
        tensors,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="pixlake")
    helper.set_model_props(made, {"width_divisor": str(WIDTH_DIVISOR)})
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, path)


def run_file(path, images):
    """Scores of a model file for images: attributes [N, 1000] and categories [N, 50]."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    scores = []
    for start in range(0, len(images), 64):
        pixels = torch.from_numpy(contained(images[start : start + 64], SIDE)).permute(0, 3, 1, 2).float()
        batch = np.ascontiguousarray(to_input(pixels).numpy())
        scores.append(session.run(["massive_attr", "categories"], {"input": batch}))
    return (np.concatenate(values) for values in zip(*scores))


def average_precision(scores, wanted):
    """The mean precision at each positive, from the highest score down."""
    hits = wanted[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def macro_f1(actual, guessed):
    """The mean of F1 over all categories that held-out rows have."""
    values = []
    for category in sorted(set(actual.tolist())):
        right = int(((actual == category) & (guessed == category)).sum())
        values.append(2 * right / int((actual == category).sum() + (guessed == category).sum()))
    return float(np.mean(values))


def thumbnail_regression(thumbnails, categories, held_thumbnails, held_categories):
    """What a logistic regression on 8x8 RGB thumbnails guesses for held-out rows. Of several penalties it gets the one that suits them best."""
    inputs = torch.from_numpy(thumbnails.reshape(len(thumbnails), -1)).float()
    mean, std = inputs.mean(0), inputs.std(0) + 1e-6
    inputs = (inputs - mean) / std
    held = (torch.from_numpy(held_thumbnails.reshape(len(held_thumbnails), -1)).float() - mean) / std
    best, best_accuracy = None, -1.0
    for penalty in (1e-4, 1e-3, 1e-2):
        layer = nn.Linear(inputs.shape[1], len(CATEGORIES))
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=500, history_size=20, line_search_fn="strong_wolfe")

        def closure():
            optimizer.zero_grad()
            loss = F.cross_entropy(layer(inputs), categories) + penalty * layer.weight.square().sum() / 2
            loss.backward()
            return loss

        optimizer.step(closure)
        guessed = layer(held).argmax(1).numpy()
        accuracy = float((guessed == held_categories).mean())
        if accuracy > best_accuracy:
            best, best_accuracy = guessed, accuracy
    return best


def evaluate(path, images, categories, attributes, learned, training):
    """Figures on held-out rows; `training` has the thumbnails and categories of the rows that were trained on."""
    attribute_scores, category_scores = run_file(path, images)
    known = np.flatnonzero(categories >= 0)
    actual = categories[known]
    ranked = np.argsort(-category_scores[known], 1)
    thumbnails = resized([images[index] for index in known], 8, Image.Resampling.BOX)
    regression = thumbnail_regression(*training, thumbnails, actual)
    counts = Counter(actual.tolist())
    accuracy = {
        "category": float((ranked[:, 0] == actual).mean()),
        "category, best five": float((ranked[:, :5] == actual[:, None]).any(1).mean()),
    }
    baselines = {
        "category, always the most frequent": counts.most_common(1)[0][1] / len(actual),
        "category, logistic regression on 8x8 thumbnails": float((regression == actual).mean()),
    }
    pairs = Counter((a, g) for a, g in zip(actual.tolist(), ranked[:, 0].tolist()) if a != g)
    judged = [index for index in range(len(learned)) if attributes[:, index].sum() >= MIN_POSITIVES]
    precision = {learned[k]: average_precision(attribute_scores[:, k], attributes[:, k]) for k in judged}
    prevalence = {learned[k]: float(attributes[:, k].mean()) for k in judged}
    return {
        "rows": len(actual),
        "split": "whole products: no title, apart from colours and numbers, and no near-identical image is on both sides",
        "accuracy": {name: round(value, 4) for name, value in accuracy.items()},
        "baselines": {name: round(value, 4) for name, value in baselines.items()},
        "macroF1": {
            "category": round(macro_f1(actual, ranked[:, 0]), 4),
            "category, logistic regression on 8x8 thumbnails": round(macro_f1(actual, regression), 4),
            "categories": len(counts),
        },
        "recall": {
            CATEGORIES[category]: {"recall": round(float((ranked[actual == category, 0] == category).mean()), 4), "rows": rows}
            for category, rows in sorted(counts.items(), key=lambda pair: -pair[1])
        },
        "confusions": [
            {"label": CATEGORIES[a], "predicted": CATEGORIES[g], "count": count, "of": counts[a]}
            for (a, g), count in pairs.most_common(10)
        ],
        "attributes": {
            "rows": len(images),
            "judged": len(judged),
            "meanAveragePrecision": round(float(np.mean(list(precision.values()))), 4),
            "meanPrevalence": round(float(np.mean(list(prevalence.values()))), 4),
            "averagePrecision": {
                name: {"averagePrecision": round(precision[name], 4), "prevalence": round(prevalence[name], 4)}
                for name in sorted(precision, key=lambda name: -precision[name])
            },
        },
    }


def card(path, learned, left_out, evaluation):
    rest = [f"untrained_{index:04d}" for index in range(len(learned), ATTRIBUTE_COUNT)]
    return {
        "name": "fashionnet-small",
        "description": "DeepFashion FashionNet (VGG-16) at a sixteenth of its width, trained on product shots of clothes but for its landmark "
        "branch",
        "licence": "Apache-2.0",
        "source": "lake/models/fashionnet-small/train.py on the Kaggle data set Fashion Product Images (Small), MIT licence as those record who use "
        "it (src/model/REFERENCE.md says more). Architecture: Liu et al., DeepFashion, CVPR 2016, as laid out in "
        "github.com/i008/pytorch-deepfashion",
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
        "batchSize": 8,
        "outputs": [
            {"name": "categories", "column": "category", "kind": "sigmoid", "labels": CATEGORIES, "topK": 5},
            {
                "name": "massive_attr",
                "column": "attribute",
                "kind": "sigmoid",
                "labels": [*learned, *rest],
                "threshold": 0.5,
                "topK": 20,
            },
        ],
        "evaluation": {
            **evaluation,
            "untrained": "The landmark branch is untrained: fc6_pose, fc7_pose and loc give eight fixed points. So are the attributes whose names "
            "begin with untrained_: their scores are always near 0.",
            "mapping": MAPPING,
            "articleTypesLeftOut": left_out,
        },
    }


def main():
    options = arguments()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rows, images = read_lake(options.lake, options.table)
    held = np.array([is_held_out(name) for name in group_products(rows, resized(images, 8, Image.Resampling.BOX))])
    kept = np.flatnonzero(~held)
    titles = [attributes_of(row["productDisplayName"]) for row in rows]
    counts = Counter(name for index in kept for name in titles[index])
    learned = [name for name in ATTRIBUTES if counts[name] >= options.min_count]
    attributes = np.array([[name in title for name in learned] for title in titles])
    place = {name: index for index, name in enumerate(CATEGORIES)}
    categories = np.array([place.get(MAPPING.get(row["articleType"]), -1) for row in rows])
    model = FashionNet(len(learned)).to(memory_format=torch.channels_last)
    print(f"{len(kept)} rows to train on, {held.sum()} held out, {len(learned)} attributes", flush=True)
    train(
        model,
        torch.from_numpy(resized([images[index] for index in kept], STORED_SIDE)),
        torch.tensor([shares_of(images[index]) for index in kept]),
        torch.from_numpy(attributes[kept]).float(),
        torch.from_numpy(categories[kept]),
        options,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "fashionnet-small.onnx"
    export(model, path)
    mapped = kept[categories[kept] >= 0]
    training = resized([images[index] for index in mapped], 8, Image.Resampling.BOX), torch.from_numpy(categories[mapped])
    asked = np.flatnonzero(held)
    evaluation = evaluate(path, [images[index] for index in asked], categories[asked], attributes[asked], learned, training)
    left_out = sorted({row["articleType"] for row in rows}.difference(MAPPING))
    text = json.dumps(card(path, learned, left_out, evaluation), indent=2, ensure_ascii=False)
    (options.out / "fashionnet-small.json").write_text(f"{text}\n", encoding="utf-8")
    print(json.dumps({"bytes": path.stat().st_size, **evaluation}, indent=2))


if __name__ == "__main__":
    main()
