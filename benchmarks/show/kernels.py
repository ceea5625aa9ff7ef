"""A table from ncu's CSV on standard input: a kernel a line, its metrics side by side."""

import csv
import re
import sys

SHORT = {"gpu__time_duration.sum": "us", "dram__throughput.avg.pct_of_peak_sustained_elapsed": "memory %",
         "lts__t_sector_hit_rate.pct": "L2 hits %", "sm__inst_issued.avg.pct_of_peak_sustained_active": "issue %",
         "launch__registers_per_thread": "registers"}

kernels = {}
for row in csv.DictReader(line for line in sys.stdin if line.startswith('"')):
    name = re.sub(r"\(.*", "", re.sub(r"\w+::|<unnamed>::|void ", "", row["Kernel Name"]))
    value = float(row["Metric Value"].replace(",", ""))
    metric = row["Metric Name"]
    if metric == "gpu__time_duration.sum" and row["Metric Unit"].startswith("n"):
        value /= 1000
    kernels.setdefault((int(row["ID"]), name), {})[SHORT.get(metric, metric)] = value
columns = list(SHORT.values())
print("| kernel | " + " | ".join(columns) + " |")
print("|---|" + "---|" * len(columns))
for (_, name), values in kernels.items():
    print(f"| {name} | " + " | ".join(f"{values.get(c, float('nan')):.4g}" for c in columns) + " |")
