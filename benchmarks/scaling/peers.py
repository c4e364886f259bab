"""One other tool at the job of benchmarks/pixels.py, or at a histogram. argv: tool, input folder, output folder, processes; or tool, Parquet files.

Each tool gets what suits it: the function that it maps over names reads and writes files and uses OpenCV, one process for each core.
"""
import json, os, sys, time
from functools import partial

# Found by PYTHONPATH, so that the processes that tools start find it too.
import pixels


def transform(tool, source, target, processes):
    names = sorted(os.listdir(source))
    write = partial(pixels.work, "opencv", source, target)

    def write_all(batch):
        for name in batch:
            write(name)

    if tool in ("opencv", "pillow"):
        run = partial(pixels.run_pool, tool, source, target, names, processes)
    elif tool == "huggingface":
        import datasets

        datasets.disable_progress_bars()
        table = datasets.Dataset.from_dict({"name": names})

        def run():
            table.map(lambda batch: write_all(batch["name"]), batched=True, batch_size=64, num_proc=processes)
    elif tool == "daft":
        import daft

        @daft.cls(max_concurrency=processes, use_process=True)
        class Writer:
            @daft.method.batch(return_dtype=daft.DataType.string())
            def work(self, batch):
                write_all(batch)
                return batch

        work = Writer().work

        def run():
            frame = daft.from_pydict({"name": names}).into_batches(256)
            frame.select(work(frame["name"])).collect()
    else:
        import ray

        ray.init(num_cpus=processes, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        ray.data.DataContext.get_current().enable_progress_bars = False

        def work(batch):
            write_all(batch["name"])
            return batch

        def run():
            ray.data.from_items([{"name": name} for name in names]).map_batches(work, batch_size=64).materialize()

    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def query(tool, files):
    """The median of five, files read each time."""
    from urllib.parse import unquote

    folders = [unquote(os.path.basename(os.path.dirname(file))).split("=", 1)[1] for file in files]

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
    tool = sys.argv[1]
    if tool in ("polars", "pandas"):
        seconds = query(tool, sys.argv[2:])
    else:
        seconds = transform(tool, sys.argv[2], sys.argv[3], int(sys.argv[4]))
    print(json.dumps({"seconds": seconds}))
    # The processes of some tools take longer to end than the measurement.
    sys.stdout.flush()
    os._exit(0)
