"""Comparisons of speed, each with what it is compared to in the same run.

A subject is a module with `measure(settings)`, which returns comparisons (`harness.py`) or curves (`curves.py`), and a
line in the table of `subjects.py`. `suite.py` runs them, each in a process of its own (`worker.py`), and writes what
comes out into one file (`record.py`), which `report.py` and `scaling_figure.py` show.

    python -m benchmarks.performance
    python -m benchmarks.performance show benchmarks/results/performance.json
"""
