"""The job of benchmarks/pixels.mjs by OpenCV or Pillow in a pool of processes: argv are library, input folder, output folder, processes."""
import json, math, os, random, sys, time
from functools import partial
from multiprocessing import Pool

SIZE, QUALITY, CROP = 256, 90, 0.2


def draw(name, width, height):
    rng = random.Random(name)
    w, h = rng.randint(math.ceil(width * (1 - CROP)), width), rng.randint(math.ceil(height * (1 - CROP)), height)
    return rng.randint(0, width - w), rng.randint(0, height - h), w, h


def fit(w, h):
    scale = SIZE / max(w, h)
    w, h = max(1, round(w * scale)), max(1, round(h * scale))
    return w, h, (SIZE - w) // 2, (SIZE - h) // 2


def opencv(source, target, name, flag):
    import cv2
    image = cv2.imread(os.path.join(source, name), flag)
    x, y, w, h = draw(name, image.shape[1], image.shape[0])
    width, height, left, top = fit(w, h)
    shrinks = w > width
    image = cv2.resize(image[y : y + h, x : x + w], (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    image = cv2.copyMakeBorder(image, top, SIZE - height - top, left, SIZE - width - left, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    cv2.imwrite(os.path.join(target, name), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def pillow(source, target, name):
    from PIL import Image
    with Image.open(os.path.join(source, name)) as opened:
        image = opened.convert("RGB")
    x, y, w, h = draw(name, *image.size)
    width, height, left, top = fit(w, h)
    canvas = Image.new("RGB", (SIZE, SIZE), "white")
    canvas.paste(image.resize((width, height), Image.BICUBIC, box=(x, y, x + w, y + h)), (left, top))
    canvas.save(os.path.join(target, name), "JPEG", quality=QUALITY)


def work(library, source, target, name):
    """Makes one image; `source` and `target` are folders."""
    if library == "pillow":
        return pillow(source, target, name)
    import cv2
    cv2.setNumThreads(1)
    flags = {"opencv": cv2.IMREAD_COLOR, "opencv-reduced-4": cv2.IMREAD_REDUCED_COLOR_4}
    return opencv(source, target, name, flags[library])


def run_pool(library, source, target, names, processes):
    with Pool(processes) as pool:
        for _ in pool.imap_unordered(partial(work, library, source, target), names, chunksize=256):
            pass


if __name__ == "__main__":
    library, source, target, processes = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    names = sorted(os.listdir(source))
    start = time.perf_counter()
    run_pool(library, source, target, names, processes)
    print(json.dumps({"seconds": time.perf_counter() - start, "images": len(names)}))
