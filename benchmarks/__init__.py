"""Experiments and speed comparisons; run from the checkout (`python -m benchmarks.<name>`) and not installed."""
