"""One other tool at the job of benchmarks/pixels.py or at a histogram. argv: tool, input folder, output folder, processes; or tool, Parquet files.

Each tool gets what suits it: OpenCV for pixels, files read and written by the function that it maps over names, one process for each core.
"""
import json, os, sys, time

tool = sys.argv[1]
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))


def transform(tool, source, processes):
    import pixels

    names = sorted(os.listdir(source))

    def write(name):
        import cv2

        cv2.setNumThreads(1)
        pixels.opencv(name, cv2.IMREAD_COLOR)

    if tool in ("opencv", "pillow"):
        from multiprocessing import Pool

        def run():
            with Pool(processes) as pool:
                for _ in pool.imap_unordered(pixels.work, names, chunksize=16):
                    pass
    elif tool == "huggingface":
        import datasets

        datasets.disable_progress_bars()
        table = datasets.Dataset.from_dict({"name": names})

        def run():
            table.map(lambda batch: [write(name) for name in batch["name"]] and {}, batched=True, batch_size=64, num_proc=processes)
    elif tool == "daft":
        import daft

        @daft.func.batch(return_dtype=daft.DataType.string(), use_process=True, max_concurrency=processes)
        def work(batch):
            for name in batch:
                write(name)
            return batch

        def run():
            frame = daft.from_pydict({"name": names}).into_batches(256)
            frame.select(work(frame["name"])).collect()
    else:
        import ray

        ray.init(num_cpus=processes, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        ray.data.DataContext.get_current().enable_progress_bars = False
        library, folder = pixels.source, pixels.target

        def work(batch):
            import pixels as mine

            mine.source, mine.target = library, folder
            for name in batch["name"]:
                write(name)
            return batch

        def run():
            ray.data.from_items([{"name": name} for name in names]).map_batches(work, batch_size=64).materialize()

    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def query(tool, files):
    """The median of five, files read each time."""
    from urllib.parse import unquote

    folders = [unquote(unquote(os.path.basename(os.path.dirname(file)))).split("=", 1)[1] for file in files]

    def polars():
        import polars as pl

        frames = [pl.scan_parquet(file).select("year", masterCategory=pl.lit(folder)) for file, folder in zip(files, folders)]
        return pl.concat(frames).group_by("masterCategory", "year").len().collect()

    def pandas():
        import pandas as pd

        frames = [pd.read_parquet(file, columns=["year"], partitioning=None).assign(masterCategory=folder) for file, folder in zip(files, folders)]
        return pd.concat(frames).groupby(["masterCategory", "year"]).size()

    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        rows = {"polars": polars, "pandas": pandas}[tool]()
        seconds.append(time.perf_counter() - start)
        assert len(rows) > 0
    return sorted(seconds)[2]


if __name__ == "__main__":
    if tool in ("polars", "pandas"):
        seconds = query(tool, sys.argv[2:])
    else:
        seconds = transform(tool, sys.argv[2], int(sys.argv[4]))
    print(json.dumps({"seconds": seconds}))
    # Ray's processes may take longer to end than the measurement.
    sys.stdout.flush()
    os._exit(0)
