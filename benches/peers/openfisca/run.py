"""Answers the orders of the harness, one a line: `time BATCH ROWS` or `answers PATH`. See ../README.md."""

import csv
import gc
import json
import sys
import time
from importlib.metadata import version

import numpy as np
from openfisca_core.periods import period
from openfisca_core.simulation_builder import SimulationBuilder

from conditions import FACTS, NAMES, SHARED, date, system

ALWAYS, MONTH = period("ETERNITY"), period("2026-07")


def load(path):
    """The columns as OpenFisca keeps them."""
    with open(path, newline="") as lines:
        rows = list(csv.DictReader(lines))
    columns = {}
    for name, kind in FACTS.items():
        texts = [row[name] for row in rows]
        if kind is int:
            columns[name] = np.array(texts, dtype=np.int32)
        elif kind is bool:
            columns[name] = np.array([text == "true" for text in texts])
        elif kind is date:
            columns[name] = np.array(texts, dtype="datetime64[D]")
        else:
            prefix = "p" if name == "province" else ""
            columns[name] = kind.encode(np.array([prefix + text for text in texts]))
    return columns, len(rows)


def simulation(rules, columns, first, last):
    """A population of these rows, its facts stated."""
    made = SimulationBuilder().build_default_simulation(rules, last - first)
    for name, values in columns.items():
        made.set_input(name, ALWAYS, values[first:last])
    return made


def calculate(made):
    return [made.calculate(name, MONTH) for name in NAMES]


class Prepared:
    """Populations of one batch size, ready to be calculated again."""

    def __init__(self, rules, columns, batch, rows):
        self.made = [
            simulation(rules, columns, first, min(first + batch, rows)) for first in range(0, rows, batch)
        ]

    def time(self):
        """Seconds to calculate every condition of every population."""
        for made in self.made:
            for name in [*SHARED, *NAMES]:
                made.delete_arrays(name)
        gc.collect()
        began = time.perf_counter()
        for made in self.made:
            calculate(made)
        return time.perf_counter() - began


def main():
    rules = system()
    columns, count = load(sys.argv[1])
    prepared = {}
    python = ".".join(str(part) for part in sys.version_info[:3])
    numpy = f"numpy {np.__version__}, Python {python}"
    print(json.dumps({"version": f"openfisca-core {version('openfisca-core')} ({numpy})"}), flush=True)
    for line in sys.stdin:
        order, *rest = line.split(maxsplit=1)
        if order == "answers":
            answers = np.stack(calculate(simulation(rules, columns, 0, count)), axis=1)
            (answers.astype(np.uint8) + ord("0")).tofile(rest[0].strip())
            print(json.dumps({"rows": count}), flush=True)
        else:
            batch, rows = (int(number) for number in rest[0].split())
            rows = min(rows, count)
            if (batch, rows) not in prepared:
                prepared[batch, rows] = Prepared(rules, columns, batch, rows)
            print(json.dumps({"seconds": prepared[batch, rows].time(), "rows": rows}), flush=True)


main()
